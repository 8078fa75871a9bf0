/**
 * Error answers as `application/problem+json` (RFC 9457) with a stable `code`.
 *
 * @module
 */
import type { RejectionCode } from "../schema/rejection.ts";
import { problemBody, problemHeaders } from "../schema/http/problem_body.ts";

/** The codes of whole requests; single events have those of `schema/rejection.ts` besides. */
export type ProblemCode =
  | "bad_request"
  | "unauthorized"
  | "forbidden"
  | "origin_forbidden"
  | "not_found"
  | "method_not_allowed"
  | "not_acceptable"
  | "unsupported_media_type"
  | "too_large"
  | "request_timeout"
  | "unsupported_encoding"
  | "upgrade_required"
  | "internal"
  | "rate_limited"
  | "overloaded"
  | "unavailable"
  | "outcome_unknown"
  | "invalid_json"
  | "invalid_gzip"
  | "too_deep"
  | "empty_batch";

export interface ProblemOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** An error answer. Thrown anywhere under the gateway's app, it becomes the response. */
export class Problem extends Error {
  override readonly name = "Problem";

  /** @param detail what happened and what to do; read by the sender */
  constructor(
    readonly status: number,
    readonly code: ProblemCode | RejectionCode,
    readonly detail: string,
    readonly options: ProblemOptions = {},
  ) {
    super(detail);
  }

  toResponse(requestId: string): Response {
    const { headers, members } = this.options;
    const { status, code, detail } = this;
    const body = problemBody({ status, code, detail, request_id: requestId }, members);
    return new Response(JSON.stringify(body), {
      status,
      headers: { ...problemHeaders, "x-request-id": requestId, ...headers },
    });
  }
}

/** How a route tells a problem unless its clients want another form. */
export const problemJson = (problem: Problem, _request: Request, requestId: string): Response =>
  problem.toResponse(requestId);

const problem = (status: number, code: ProblemCode, detail: string, options?: ProblemOptions) =>
  new Problem(status, code, detail, options);

export const badRequest = (code: ProblemCode, detail: string): Problem =>
  problem(400, code, detail);

export const unauthorized = (): Problem =>
  problem(401, "unauthorized", "Send a valid key: Authorization: Bearer KEY, or X-Api-Key: KEY", {
    headers: { "www-authenticate": "Bearer" },
  });

export const forbidden = (detail: string): Problem => problem(403, "forbidden", detail);

export const notFound = (): Problem => problem(404, "not_found", "Nothing is served at this path");

export const methodNotAllowed = (allow: string): Problem =>
  problem(405, "method_not_allowed", `Use ${allow} here`, { headers: { allow } });

export const tooLarge = (detail: string): Problem => problem(413, "too_large", detail);

export const internalError = (): Problem =>
  problem(500, "internal", "The request failed on our side; quote request_id when you report it");

/** @param code whether nothing was written, or whether it may have been */
export const unavailable = (code: "unavailable" | "outcome_unknown", detail: string): Problem =>
  problem(503, code, detail, { headers: { "retry-after": "1" } });

/** Refused at the door, to spare the others. */
export const overloaded = (): Problem =>
  problem(503, "overloaded", "Too much at once, nothing was done: send the same again later", {
    headers: { "retry-after": "2" },
  });
