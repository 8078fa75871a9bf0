/**
 * The app's frame: routes, request ids, problem answers, counting, and what `http/` adds to answers.
 *
 * @module
 */
import { Hono } from "hono";
import { bodyDropped, dropBody } from "./capture/read_body.ts";
import type { GatewayDeps } from "./deps.ts";
import { finishRead } from "./http/finish_read.ts";
import { declaredBytes } from "./limits/shedder.ts";
import { noSniff, requestIdForm } from "../schema/http/answer_headers.ts";
import { Unavailable } from "../schema/errors.ts";
import {
  internalError,
  methodNotAllowed,
  notFound,
  overloaded,
  Problem,
  problemJson,
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

/** What a listener tells of a request beside it, as `Deno.serve` does. */
export interface RequestInfo {
  readonly remoteAddr?: { readonly hostname?: string };
}

const comeBack = "This cannot be answered right now, and nothing was done: send the same again";

/** The client's own request id when it is presentable, else a new one. */
function requestIdOf(request: Request, newId: () => string): string {
  const given = request.headers.get("x-request-id");
  return given !== null && requestIdForm.test(given) ? given : newId();
}

/** What a path may be asked by, as `Allow` lists it: whoever may read may also ask for the head alone. */
export const allowed = (methods: readonly string[]): string[] =>
  methods.includes("GET") ? [...methods, "HEAD"] : [...methods];

type FrameDeps = Pick<
  GatewayDeps,
  "newId" | "metrics" | "log" | "rates" | "shedder" | "accessLog" | "hstsSeconds"
>;

/** What a throw means to the client; what it was the log alone says. */
function problemOf({ log }: FrameDeps, error: unknown, route: string, requestId: string): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Unavailable) return unavailable("unavailable", comeBack);
  const stack = error instanceof Error ? error.stack : undefined;
  log.error("A request failed", { route, request_id: requestId, error: String(error), stack });
  return internalError();
}

/** @throws {Problem} the request is not let in */
function enter(
  { metrics, rates, shedder }: FrameDeps,
  request: Request,
  info: RequestInfo | undefined,
  load: Route["load"],
): void {
  if (load === "probe") return;
  if (load !== "read" && shedder?.admits(() => declaredBytes(request)) === false) {
    metrics.shed();
    dropBody(request);
    throw overloaded();
  }
  const address = rates === undefined ? undefined : info?.remoteAddr?.hostname;
  if (address !== undefined) rates!.enter(request, address);
}

/** What every answer says; the headers of an upgrade cannot be changed. */
function markerOf(hstsSeconds: number): (response: Response, requestId: string) => void {
  const hsts = hstsSeconds === 0 ? undefined : `max-age=${hstsSeconds}`;
  return ({ status, headers }, requestId) => {
    if (status === 101) return;
    headers.set("x-request-id", requestId);
    headers.set(...noSniff);
    if (hsts !== undefined) headers.set("strict-transport-security", hsts);
  };
}

/**
 * An app that serves `routes`, answers 404 and 405 beside them, and never shows what went wrong
 * inside. Every answer carries `X-Request-Id`, except a WebSocket's upgrade.
 */
export function createApp(routes: readonly Route[], deps: FrameDeps): Hono {
  const { newId, metrics, accessLog, hstsSeconds } = deps;
  const mark = markerOf(hstsSeconds);
  const app = new Hono();

  const serve =
    (route: string, handler: Handler, load: Route["load"], refuse = problemJson) =>
    async (
      c: { req: { raw: Request }; env: unknown },
    ) => {
      const request = c.req.raw;
      const startedAt = accessLog?.start() ?? 0;
      const info = c.env as RequestInfo | undefined;
      const requestId = requestIdOf(request, newId);
      let response: Response;
      try {
        enter(deps, request, info, load);
        response = await handler(request, requestId);
        if (load === "read") response = await finishRead(request, response);
      } catch (error) {
        response = refuse(problemOf(deps, error, route, requestId), request, requestId);
        await bodyDropped(request);
      }
      mark(response, requestId);
      metrics.requestDone(route, response.status);
      accessLog?.done(startedAt, { request, route, requestId, status: response.status, info });
      return response;
    };

  const refuseWith = (problem: () => Problem): Handler => (request) => {
    dropBody(request);
    throw problem();
  };

  for (const { path, methods, handler, load = "capture", refuse } of routes) {
    app.on([...methods], path, serve(path, handler, load, refuse));
    const wrongMethod = refuseWith(() => methodNotAllowed(allowed(methods).join(", ")));
    app.all(path, serve(path, wrongMethod, "read", refuse));
  }
  app.notFound(serve("unknown", refuseWith(notFound), "read"));
  return app;
}
