/**
 * `POST /api/v1/events`, the native capture endpoint.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { authenticate, type Keys, type Principal } from "../auth.ts";
import { assertOrigin } from "../http/cors.ts";
import { forbidden, Problem, unauthorized, unavailable } from "../problem.ts";
import type { Acceptor, AcceptOutcome } from "./accept_events.ts";
import type { ByteBudget } from "./byte_budget.ts";
import { deadLetterOfBody } from "./dead_letter.ts";
import { decodeEvents } from "./decode_events.ts";
import { dropBody, readBody } from "./read_body.ts";

/** What a sender reads when nothing of the request is known to be durable. */
export const failureDetails = {
  unavailable: "Nothing was written: send the same events again",
  outcome_unknown: "Part of it may have been written: send the same events with the same ids again",
} as const;

/** The handler; it throws a {@link Problem} for every answer but 202. */
export function captureHandler(
  keys: Keys,
  acceptor: Acceptor,
  budget: ByteBudget,
): (request: Request) => Promise<Response> {
  /** Decodes a body; one that cannot be is dead-lettered as a whole before its 400. */
  async function decode(request: Request, body: Uint8Array, studio: string): Promise<unknown[]> {
    try {
      return decodeEvents(body, request.headers.get("content-type"));
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 400 && body.length > 0) {
        const letter = deadLetterOfBody(studio, body, problem.code, problem.detail);
        await acceptor.deadLetter([letter]);
      }
      throw problem;
    }
  }

  return async function capture(request) {
    const found = authenticate(keys, request.headers);
    const principal = authorizeWriter(found instanceof Promise ? await found : found, request);
    const body = await readBody(request, limits.requestBytesMax, budget);
    const items = await decode(request, body, principal.studio);
    const textBytes = body.length;
    const outcome = await acceptor.accept({ principal, items, textBytes, protocol: "http" });
    return answer(outcome);
  };
}

/**
 * Whoever may write events, from where the request comes.
 *
 * @throws {Problem} 401 or 403; the body is then dropped unread
 */
export function authorizeWriter(principal: Principal | undefined, request: Request): Principal {
  if (principal !== undefined && principal.write) {
    assertOrigin(request, principal);
    return principal;
  }
  dropBody(request);
  throw principal === undefined ? unauthorized() : forbidden("This key may not write events");
}

function answer(outcome: AcceptOutcome): Response {
  if ("failure" in outcome) throw unavailable(outcome.failure, failureDetails[outcome.failure]);
  const { accepted, rejected, rate } = outcome;
  if (accepted === 0) {
    const { code, message } = rejected[0]!;
    const detail = rejected.length === 1 ? message : `No event was accepted; the first: ${message}`;
    throw new Problem(400, code, detail, { members: { accepted, rejected } });
  }
  return new Response(`{"accepted":${accepted},"rejected":${JSON.stringify(rejected)}}`, {
    status: 202,
    headers: rate === undefined ? { "content-type": "application/json" } : {
      "content-type": "application/json",
      "ratelimit-policy": rate.policy,
      "ratelimit": rate.state,
    },
  });
}
