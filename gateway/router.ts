/**
 * The app's frame: routes, request ids, problem answers, counting.
 *
 * @module
 */
import { Hono } from "hono";
import { dropBody } from "./capture/read_body.ts";
import type { GatewayDeps } from "./deps.ts";
import { Unavailable } from "../schema/errors.ts";
import {
  internalError,
  methodNotAllowed,
  notFound,
  overloaded,
  Problem,
  unavailable,
} from "./problem.ts";

/** Answers one request; a thrown {@link Problem} is an answer too. */
export type Handler = (request: Request, requestId: string) => Response | Promise<Response>;

export interface Route {
  readonly path: string;
  readonly methods: readonly string[];
  readonly handler: Handler;
  /** `probe` is neither limited nor shed, `read` is not shed: what sheds is what fills the log. @default "capture" */
  readonly load?: "capture" | "read" | "probe";
  /** Problems as the route's clients understand them, those at the door included. @default problem+json */
  readonly refuse?: (problem: Problem, request: Request, requestId: string) => Response;
}

const problemJson: NonNullable<Route["refuse"]> = (problem, _request, requestId) =>
  problem.toResponse(requestId);

/** What a listener tells of a request beside it, as `Deno.serve` does. */
export interface RequestInfo {
  readonly remoteAddr?: { readonly hostname?: string };
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
  deps: Pick<GatewayDeps, "newId" | "metrics" | "log" | "rates" | "shedder">,
): Hono {
  const { newId, metrics, log, rates, shedder } = deps;
  const app = new Hono();

  /** What a throw means to the client. */
  function problemOf(error: unknown, route: string, requestId: string): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof Unavailable) return unavailable("unavailable", comeBack);
    const stack = error instanceof Error ? error.stack : undefined;
    log.error("A request failed", { route, request_id: requestId, error: String(error), stack });
    return internalError();
  }

  /** @throws {Problem} the request is not let in */
  function enter(request: Request, info: RequestInfo | undefined, load: Route["load"]): void {
    if (load === "probe") return;
    if (load !== "read" && shedder !== undefined && !shedder.admits()) {
      metrics.shed();
      dropBody(request);
      throw overloaded();
    }
    const address = rates === undefined ? undefined : info?.remoteAddr?.hostname;
    if (address !== undefined) rates!.enter(request, address);
  }

  const serve =
    (route: string, handler: Handler, load: Route["load"], refuse = problemJson) =>
    async (
      c: { req: { raw: Request }; env: unknown },
    ) => {
      const request = c.req.raw;
      const requestId = requestIdOf(request, newId);
      let response: Response;
      try {
        enter(request, c.env as RequestInfo | undefined, load);
        response = await handler(request, requestId);
        // The headers of an upgrade cannot be changed.
        if (response.status !== 101) response.headers.set("x-request-id", requestId);
      } catch (error) {
        response = refuse(problemOf(error, route, requestId), request, requestId);
        response.headers.set("x-request-id", requestId);
      }
      metrics.requestDone(route, response.status);
      return response;
    };

  const refuseWith = (problem: () => Problem): Handler => (request) => {
    dropBody(request);
    throw problem();
  };

  for (const { path, methods, handler, load = "capture", refuse } of routes) {
    app.on([...methods], path, serve(path, handler, load, refuse));
    const wrongMethod = refuseWith(() => methodNotAllowed(methods.join(", ")));
    app.all(path, serve(path, wrongMethod, "read"));
  }
  app.notFound(serve("unknown", refuseWith(notFound), "read"));
  return app;
}
