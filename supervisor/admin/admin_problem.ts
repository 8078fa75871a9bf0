/**
 * Error answers of the admin API: `application/problem+json` (RFC 9457) with a stable `code`.
 *
 * @module
 */
import { problemBody, problemHeaders } from "../../schema/http/problem_body.ts";
import { ActorHalted, InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";

/** @param detail what happened and what to do */
export function problem(
  status: number,
  code: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(problemBody({ status, code, detail })), {
    status,
    headers: { ...problemHeaders, ...headers },
  });
}

/** The answer to what a call threw; `undefined` for what only the log may tell. */
export function problemOf(error: unknown): Response | undefined {
  if (error instanceof InvalidInput) {
    const isConflict = error.code === "not_replayable" || error.code === "discarded";
    return problem(isConflict ? 409 : 400, error.code, error.message);
  }
  if (error instanceof Unavailable || error instanceof OutcomeUnknown) {
    return problem(503, error.code, error.message, { "retry-after": "1" });
  }
  if (error instanceof ActorHalted) return problem(503, error.code, error.message);
  return undefined;
}
