/**
 * Where a span stands in its trace, as text: the `traceparent` of W3C Trace Context. It goes with
 * requests, log records and outbox records; only sampled traces leave one.
 *
 * @see {@link https://www.w3.org/TR/trace-context/#traceparent-header}
 * @module
 */

/** Characters of a `traceparent`: `00-` + 32 hex digits + `-` + 16 hex digits + `-` + 2 hex digits. */
export const traceparentChars = 55;

const pattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** True for a well-formed `traceparent` of version 00 with a trace id and a parent id. */
export function isTraceparent(text: string): boolean {
  return text.length === traceparentChars && pattern.test(text);
}

/**
 * True when whoever sent this keeps the trace: the last bit of the flags is set.
 *
 * @param traceparent well-formed
 */
export function isSampled(traceparent: string): boolean {
  return (parseInt(traceparent.slice(-2), 16) & 1) === 1;
}
