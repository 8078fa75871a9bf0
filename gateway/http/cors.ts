/**
 * Pages of other origins (the Fetch standard's CORS protocol).
 *
 * Nothing here goes by cookies: whoever calls shows a key, which a foreign page does not have. So any
 * page may ask, and a preflight, which carries no key, is granted to all. What confines a key that
 * ships inside a page is its own list of origins: the request itself is refused with 403
 * `origin_forbidden` when its `Origin` is not among them. A request without `Origin` is no page's (an
 * app, a server; also a plain image, which cannot name one), and the list does not concern it.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { isOriginOf } from "../../schema/http/origin.ts";
import type { Principal } from "../../schema/principal.ts";
import { dropBody } from "../capture/read_body.ts";
import { Problem, problemJson } from "../problem.ts";
import type { Handler, Route } from "../router.ts";
import { vary } from "./finish_read.ts";

/** What scripts may read of an answer beside what they always may. */
const exposed = "etag, ratelimit, ratelimit-policy, retry-after, x-request-id";

const headerNames = /^[A-Za-z0-9, _-]{1,1024}$/;

/** Whether a key may be used from an origin. @param origin `null`: the request names none */
export function mayUse(principal: Principal, origin: string | null): boolean {
  const { origins } = principal;
  return origins === undefined || origin === null || isOriginOf(origins, origin);
}

/** @throws {Problem} 403 when the principal's key is held to origins and this is none of them */
export function assertOrigin(request: Request, principal: Principal | undefined): void {
  if (principal?.origins === undefined) return;
  if (mayUse(principal, request.headers.get("origin"))) return;
  dropBody(request);
  const detail =
    "This key may not be used from this origin: its operator sets the origins it is for";
  throw new Problem(403, "origin_forbidden", detail);
}

/** The answer to a preflight. @param methods that the path has, beside OPTIONS */
export function preflight(request: Request, methods: readonly string[]): Response {
  const asked = request.headers.get("access-control-request-headers");
  const headers = new Headers({
    "access-control-allow-methods": methods.join(", "),
    "access-control-max-age": String(limits.preflightSeconds),
    "vary": "access-control-request-headers",
  });
  if (asked !== null && headerNames.test(asked)) {
    headers.set("access-control-allow-headers", asked);
  }
  return new Response(null, { status: 204, headers });
}

/** Lets any page read an answer, as no cookie can have opened it. */
function allowAny(_request: Request, response: Response): Response {
  if (response.status === 101) return response;
  response.headers.set("access-control-allow-origin", "*");
  response.headers.set("access-control-expose-headers", exposed);
  return response;
}

/**
 * Lets any page read an answer, also one whose script sends "with credentials", as Snowplow's and some
 * other trackers do: to these `*` is no answer.
 */
function allowNamed(request: Request, response: Response): Response {
  vary(response.headers, "origin");
  response.headers.set("access-control-allow-origin", request.headers.get("origin")!);
  response.headers.set("access-control-allow-credentials", "true");
  response.headers.set("access-control-expose-headers", exposed);
  return response;
}

/** A route that pages of any origin may call, preflights included. @param credentials they may send some */
export function openToPages(route: Route, { credentials = false } = {}): Route {
  const allow = credentials ? allowNamed : allowAny;
  const { handler, refuse = problemJson, methods } = route;
  const serveAny: Handler = (request, requestId) =>
    request.method === "OPTIONS" ? preflight(request, methods) : handler(request, requestId);
  const servePage = async (request: Request, requestId: string) =>
    allow(request, await serveAny(request, requestId));
  // Apps and servers name no origin, and a turn of the event loop is much for the hot path.
  const serve: Handler = (request, requestId) =>
    request.headers.has("origin") ? servePage(request, requestId) : serveAny(request, requestId);
  return {
    ...route,
    methods: [...methods, "OPTIONS"],
    handler: serve,
    refuse(problem, request, requestId) {
      const response = refuse(problem, request, requestId);
      return request.headers.has("origin") ? allow(request, response) : response;
    },
  };
}
