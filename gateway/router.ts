/**
 * The app's frame: routes, request ids, problem answers, counting.
 *
 * @module
 */
import { Hono } from "hono";
import { dropBody } from "./capture/read_body.ts";
import type { GatewayDeps } from "./deps.ts";
import { Unavailable } from "../schema/errors.ts";
import { internalError, methodNotAllowed, notFound, Problem, unavailable } from "./problem.ts";

/** Answers one request; a thrown {@link Problem} is an answer too. */
export type Handler = (request: Request, requestId: string) => Response | Promise<Response>;

export interface Route {
  readonly path: string;
  readonly methods: readonly string[];
  readonly handler: Handler;
}

const comeBack = "This cannot be answered right now, and nothing was done: send the same again";
const requestIdPattern = /^[A-Za-z0-9_.:-]{1,128}$/;

/** The client's own request id when it is presentable, else a new one. */
function requestIdOf(request: Request, newId: () => string): string {
  const given = request.headers.get("x-request-id");
  return given !== null && requestIdPattern.test(given) ? given : newId();
}

/**
 * An app that serves `routes`, answers 404 and 405 beside them, and never shows what went wrong
 * inside. Every answer carries `X-Request-Id`, except a WebSocket's upgrade.
 */
export function createApp(
  routes: readonly Route[],
  deps: Pick<GatewayDeps, "newId" | "metrics" | "log">,
): Hono {
  const { newId, metrics, log } = deps;
  const app = new Hono();

  /** What a throw means to the client. */
  function problemOf(error: unknown, route: string, requestId: string): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof Unavailable) return unavailable("unavailable", comeBack);
    const stack = error instanceof Error ? error.stack : undefined;
    log.error("A request failed", { route, request_id: requestId, error: String(error), stack });
    return internalError();
  }

  const serve = (route: string, handler: Handler) => async (c: { req: { raw: Request } }) => {
    const request = c.req.raw;
    const requestId = requestIdOf(request, newId);
    let response: Response;
    try {
      response = await handler(request, requestId);
      // The headers of an upgrade cannot be changed.
      if (response.status !== 101) response.headers.set("x-request-id", requestId);
    } catch (error) {
      response = problemOf(error, route, requestId).toResponse(requestId);
    }
    metrics.requestDone(route, response.status);
    return response;
  };

  const refuseWith = (problem: () => Problem): Handler => (request) => {
    dropBody(request);
    throw problem();
  };

  for (const { path, methods, handler } of routes) {
    app.on([...methods], path, serve(path, handler));
    app.all(path, serve(path, refuseWith(() => methodNotAllowed(methods.join(", ")))));
  }
  app.notFound(serve("unknown", refuseWith(notFound)));
  return app;
}
