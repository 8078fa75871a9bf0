/**
 * Error answers of the admin API: `application/problem+json` (RFC 9457) with a stable `code`.
 *
 * @module
 */
import { ActorHalted, InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** @param detail what happened and what to do */
export function problem(
  status: number,
  code: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = { type: "about:blank", title: titles[status] ?? "Error", status, code, detail };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
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
