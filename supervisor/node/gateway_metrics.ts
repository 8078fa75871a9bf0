/**
 * The gateway's counts as metrics of the platform.
 *
 * @module
 */
import type { EdgeConfig } from "../../schema/net/edge_config.ts";
import type { GuardOptions } from "../guard/guard.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import { tellRoute } from "../observability/trace.ts";

/** What the gateway counts; the gateway's own interface has the same shape. */
export interface GatewayCounts {
  requestDone(route: string, status: number): void;
  eventsAccepted(protocol: string, events: number, seconds: number): void;
  eventsRejected(code: string, events: number): void;
  deadLettersLost(letters: number): void;
  webSockets(open: number): void;
  subscriptions(open: number): void;
  shed(): void;
}

export function gatewayMetrics(sink: MetricsSink): GatewayCounts {
  return {
    requestDone(route, status) {
      sink.add("http_requests_total", 1, { route, status });
      tellRoute(route);
    },
    eventsAccepted(protocol, events, seconds) {
      sink.add("events_accepted_total", events, { protocol });
      sink.observe("accept_seconds", seconds, { protocol });
    },
    eventsRejected: (code, events) => sink.add("events_rejected_total", events, { code }),
    deadLettersLost: (letters) =>
      sink.add("dead_letters_total", letters, { source: "gateway", code: "lost" }),
    webSockets: (open) => sink.set("websocket_clients", open),
    subscriptions: (open) => sink.set("subscriptions", open),
    shed: () => sink.add("requests_shed_total", 1),
  };
}

/** The guard as configured, with its counts as metrics. */
export function guardOptions(edge: EdgeConfig, sink: MetricsSink): GuardOptions {
  const { connectionsMax, connectionsPerAddress, trustedProxies } = edge;
  return {
    connectionsMax,
    connectionsPerAddress,
    trustedProxies,
    counts: {
      open: (connections) => sink.set("guard_connections", connections),
      refused: (reason) => sink.add("guard_refusals_total", 1, { reason }),
    },
  };
}
