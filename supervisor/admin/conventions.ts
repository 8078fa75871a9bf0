/**
 * What every answer of the admin port says, whatever the route: its request id, in problems too, that
 * no cache may keep it unless it says otherwise, and that its type is to be believed.
 *
 * Pages of other origins are told nothing: without CORS no browser lets them read an answer, and the
 * token stands in a header that they cannot send.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";
import { noSniff, requestIdForm } from "../../schema/http/answer_headers.ts";

/** @param newId ids of requests that bring none that is presentable */
export function conventions(newId: () => string): MiddlewareHandler {
  return async function applyConventions(c, next) {
    const given = c.req.header("x-request-id");
    const requestId = given !== undefined && requestIdForm.test(given) ? given : newId();
    await next();
    const { headers, status } = c.res;
    if (headers.get("content-type") === "application/problem+json") {
      const body = { ...await c.res.json(), request_id: requestId };
      // Hono keeps the headers of the answer before.
      c.res = new Response(JSON.stringify(body), { status, headers });
    }
    c.res.headers.set("x-request-id", requestId);
    c.res.headers.set(...noSniff);
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  };
}
