/**
 * GraphQL over HTTP: queries by GET and POST, subscriptions as server-sent events.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { Platform } from "../../supervisor/platform.ts";
import { authenticate, type Keys, type Principal, tokenOf } from "../auth.ts";
import type { ByteBudget } from "../capture/byte_budget.ts";
import { type BodyTimes, dropBody, readBody } from "../capture/read_body.ts";
import { createContext, type GraphqlContext } from "../graphql/context.ts";
import type { GraphqlServer } from "../graphql/graphql_server.ts";
import type { PageBudget } from "../limits/page_budget.ts";
import type { RateLimits } from "../limits/rate_limits.ts";
import type { Shown, Standing } from "../live/standing.ts";
import type { Subscriptions } from "../live/subscriptions.ts";
import { unauthorized } from "../problem.ts";
import { assertOrigin } from "./cors.ts";
import { graphqlAnswer } from "./graphql_answer.ts";

export interface GraphqlHttpDeps {
  readonly keys: Keys;
  readonly platform: Platform;
  readonly server: GraphqlServer;
  readonly subscriptions: Subscriptions;
  readonly standing: Standing;
  /** Shared with the captures. */
  readonly budget: ByteBudget;
  readonly rates: RateLimits | undefined;
  readonly pageBudget: PageBudget;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** How long a large or chunked body may take. @default edgeLimits */
  readonly bodyTimes?: BodyTimes | undefined;
}

/**
 * A request for the engine. It has a signal of its own: Deno aborts the original one after a good answer
 * too, and warns about it on stderr. A client that goes away still cancels its event stream.
 *
 * @throws {Problem} 400, 408, 413, 415 or 503, as {@link readBody}
 */
async function engineRequest(
  request: Request,
  { budget, bodyTimes }: GraphqlHttpDeps,
): Promise<Request> {
  const { url, method } = request;
  const headers = new Headers(request.headers);
  // The engine knows no HEAD; what it would answer to GET is told without its body.
  if (method !== "POST") return new Request(url, { headers });
  // The engine itself would wait for a body for ever.
  const body = await readBody(request, limits.graphqlBodyBytesMax, budget, bodyTimes);
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  return new Request(url, { method, headers, body: body as Uint8Array<ArrayBuffer> });
}

/** The handler; it throws a {@link Problem} for what is refused before the engine sees it. */
export function graphqlHttpHandler(deps: GraphqlHttpDeps): (request: Request) => Promise<Response> {
  const { keys, platform, server, subscriptions, standing, rates, pageBudget, now } = deps;

  /** Streams end when what their request has shown is good no more. */
  function contextOf(request: Request, principal: Principal): GraphqlContext {
    const token = tokenOf(request.headers)!;
    const shown: Shown = { token, principal, origin: request.headers.get("origin") };
    const streams: GraphqlContext["subscriptions"] = {
      iterate: (produce) => subscriptions.iterate(produce, (end) => standing.watch(shown, end)),
    };
    return createContext(principal, { platform, subscriptions: streams, rates, pageBudget, now });
  }

  function enter(request: Request, { charge }: GraphqlContext): void {
    try {
      charge.enter();
    } catch (problem) {
      dropBody(request);
      throw problem;
    }
  }

  return async function serveGraphql(request) {
    const principal = await authenticate(keys, request.headers);
    assertOrigin(request, principal);
    if (principal === undefined) {
      dropBody(request);
      throw unauthorized();
    }
    const context = contextOf(request, principal);
    enter(request, context);
    const asked = await engineRequest(request, deps);
    const answer = await server.yoga.fetch(asked, context);
    const { refusal, fields } = context.charge;
    if (refusal !== undefined) {
      await answer.body?.cancel();
      throw refusal;
    }
    const response = graphqlAnswer(request, answer);
    if (fields !== undefined) {
      response.headers.set("ratelimit-policy", fields.policy);
      response.headers.set("ratelimit", fields.state);
    }
    return response;
  };
}
