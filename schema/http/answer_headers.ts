/**
 * What every answer says to browsers about itself, and what pages say besides.
 *
 * @module
 */

/** What a client's own request id may look like: fit for headers and logs, too short to fill them. */
export const requestIdForm = /^[A-Za-z0-9_.:-]{1,128}$/;

/**
 * Of every answer, whatever its kind: a browser must not take what a client sent in, echoed in an
 * error, for a page or a script.
 */
export const noSniff = ["x-content-type-options", "nosniff"] as const;

/** What a page of ours may load. */
export interface PageSources {
  /** `'sha256-…'` of each inline script. @default none: no script runs */
  readonly scripts?: readonly string[];
  /** `'sha256-…'` of each inline style, or `'unsafe-inline'`. @default none */
  readonly styles?: readonly string[];
  /** Whether scripts may call this origin. @default false */
  readonly connects?: boolean;
  /** Whether images and fonts inlined as `data:` are shown. @default false */
  readonly inlined?: boolean;
  /** Whether scripts may start workers out of `blob:`. @default false */
  readonly workers?: boolean;
}

/** Headers of an HTML page: nothing from elsewhere, in nobody's frame, and no address told onwards. */
export function pageHeaders(sources: PageSources = {}): Record<string, string> {
  const { scripts = [], styles = [], connects = false, inlined = false, workers = false } = sources;
  const listed = (name: string, values: readonly string[]) =>
    values.length === 0 ? [] : [`${name} ${values.join(" ")}`];
  const policy = [
    "default-src 'none'",
    ...listed("script-src", scripts),
    ...listed("style-src", styles),
    ...(connects ? ["connect-src 'self'"] : []),
    ...(inlined ? ["img-src 'self' data:", "font-src data:"] : []),
    ...(workers ? ["worker-src blob:"] : []),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    // For browsers that do not know frame-ancestors.
    "x-frame-options": "DENY",
  };
}
