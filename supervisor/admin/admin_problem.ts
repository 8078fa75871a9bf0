/**
 * Error answers of the admin API: `application/problem+json` (RFC 9457) with a stable `code`.
 *
 * @module
 */
import { problemBody, problemHeaders } from "../../schema/http/problem_body.ts";
import { ActorHalted, InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";

/** Nothing is wrong with what was sent, but with what it was sent to. */
const conflicts = ["not_replayable", "discarded", "not_merged"];

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
    const status = conflicts.includes(error.code) ? 409 : 400;
    return problem(status, error.code, error.message);
  }
  if (error instanceof Unavailable || error instanceof OutcomeUnknown) {
    return problem(503, error.code, error.message, { "retry-after": "1" });
  }
  if (error instanceof ActorHalted) return problem(503, error.code, error.message);
  return undefined;
}
