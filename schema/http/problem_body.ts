/**
 * The body of every error answer, on the gateway's port and the admin port: `application/problem+json`
 * (RFC 9457) with a stable `code` that programs may go by.
 *
 * @module
 */

/** Titles by status; RFC 9457 wants that of the status beside `about:blank`. */
const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  426: "Upgrade Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

export interface ProblemFields {
  readonly status: number;
  /** Stable: what programs go by. */
  readonly code: string;
  /** What happened and what to do; for people. */
  readonly detail: string;
  /** The answer's `X-Request-Id`; logs name the request so, too. */
  readonly request_id?: string;
}

/** The members in the order in which they are written. @param members further ones */
export function problemBody(
  { status, code, detail, request_id }: ProblemFields,
  members: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    type: "about:blank",
    title: titles[status] ?? "Error",
    status,
    code,
    detail,
    ...(request_id === undefined ? {} : { request_id }),
    ...members,
  };
}

/**
 * Headers of every problem. 404 and 405 may be kept by caches unless told otherwise, and what is
 * wrong now may be right in a second.
 */
export const problemHeaders: Readonly<Record<string, string>> = {
  "content-type": "application/problem+json",
  "cache-control": "no-store",
};
