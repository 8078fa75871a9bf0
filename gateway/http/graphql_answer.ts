/**
 * Answers of the GraphQL engine, made to speak HTTP as the other routes do.
 *
 * @module
 */
import { Problem, type ProblemCode } from "../problem.ts";
import { vary } from "./finish_read.ts";

/** What the engine refuses with a status alone: why, for the sender. */
const refusals: Readonly<Record<number, readonly [ProblemCode, string]>> = {
  405: ["method_not_allowed", "Send operations by GET or POST"],
  406: [
    "not_acceptable",
    "Accept application/graphql-response+json, application/json or text/event-stream",
  ],
  413: ["too_large", "The operation is too large"],
  415: ["unsupported_media_type", "Send the operation as application/json"],
};

/**
 * @returns the answer with what caches must know. It is the caller's own and never kept without asking:
 *   a GET may be asked again with its tag (304), a POST is not kept at all
 * @throws {Problem} in place of an answer without a body
 */
export function graphqlAnswer(request: Request, response: Response): Response {
  const refusal = refusals[response.status];
  if (response.body === null && refusal !== undefined) {
    const allow = response.headers.get("allow");
    const headers = allow === null ? {} : { headers: { allow } };
    throw new Problem(response.status, ...refusal, headers);
  }
  const { headers } = response;
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") === true;
  const isKept = request.method !== "POST" && !isStream;
  headers.set("cache-control", isKept ? "private, no-cache" : "no-store");
  for (const name of ["authorization", "x-api-key", "accept", "origin"]) vary(headers, name);
  return response;
}
