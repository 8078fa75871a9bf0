/**
 * The routes of all capture protocols beside the native one.
 *
 * @module
 */
import { badRequest } from "../../problem.ts";
import type { Handler, Route } from "../../router.ts";
import { dropBody } from "../read_body.ts";
import { cloudEventsRoutes } from "./cloud_events.ts";
import { countlyRoutes } from "./countly.ts";
import { gameAnalyticsRoutes } from "./game_analytics.ts";
import { posthogRoutes } from "./posthog.ts";
import { type ProtocolDeps, protocolRoutes } from "./protocol.ts";
import { segmentRoutes } from "./segment.ts";
import { snowplowRoutes } from "./snowplow.ts";

/** All routes. `/i` is Countly's, and Snowplow's pixel; their parameters tell them apart. */
export function captureProtocolRoutes(deps: ProtocolDeps): Route[] {
  const snowplow = snowplowRoutes(deps);
  const countly = countlyRoutes(deps);
  const shared: Handler = (request, requestId) => {
    const query = new URL(request.url).searchParams;
    if (request.method === "POST" || query.has("app_key")) {
      return countly.receive(request, requestId);
    }
    if (query.has("e")) return snowplow.pixel(request, requestId);
    dropBody(request);
    throw badRequest("bad_request", "Send Countly's app_key or an event of Snowplow");
  };
  return [
    ...gameAnalyticsRoutes(deps),
    ...segmentRoutes(deps),
    ...posthogRoutes(deps),
    ...snowplow.routes,
    ...countly.routes,
    ...protocolRoutes(["/i"], ["GET", "POST"], shared),
    ...cloudEventsRoutes(deps),
  ];
}
