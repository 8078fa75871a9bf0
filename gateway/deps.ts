/**
 * What the gateway needs from its surroundings. The composition root passes the platform's logger
 * and metrics; tests pass nothing.
 *
 * @module
 */
import type { Platform } from "../supervisor/platform.ts";
import type { Keys } from "./auth.ts";
import type { AccessLog } from "./http/access_log.ts";
import type { RateLimits } from "./limits/rate_limits.ts";
import type { Shedder } from "./limits/shedder.ts";

/** A protocol that events come in by, as metrics name it; `http` and `ws` are the native one. */
export type Protocol =
  | "http"
  | "ws"
  | "gameanalytics"
  | "segment"
  | "posthog"
  | "snowplow"
  | "cloudevents"
  | "countly";

export interface GatewayMetrics {
  /** A request was answered. `route` is the pattern, never the path a client made up. */
  requestDone(route: string, status: number): void;
  /** Events were acknowledged as durable, `seconds` after their body had been read. */
  eventsAccepted(protocol: Protocol, events: number, seconds: number): void;
  /** Events were refused for `code`. */
  eventsRejected(code: string, events: number): void;
  /** Dead letters that could not be written to `dlq.events`; their senders were told all the same. */
  deadLettersLost(letters: number): void;
  /** WebSocket connections open now, those of GraphQL included. */
  webSockets(open: number): void;
  /** Live subscriptions, over WebSocket and server-sent events. */
  subscriptions(open: number): void;
  /** A request, or a message of a WebSocket, was refused at the door to spare the others. */
  shed(): void;
}

export const noMetrics: GatewayMetrics = {
  requestDone() {},
  eventsAccepted() {},
  eventsRejected() {},
  deadLettersLost() {},
  webSockets() {},
  subscriptions() {},
  shed() {},
};

/** The part of the platform's logger that the gateway uses. */
export interface GatewayLog {
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const noLog: GatewayLog = { warn() {}, error() {} };

export interface GatewayDeps {
  readonly platform: Platform;
  readonly keys: Keys;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Ids of events and requests. */
  readonly newId: () => string;
  readonly metrics: GatewayMetrics;
  readonly log: GatewayLog;
  /** `undefined`: nobody is limited. */
  readonly rates: RateLimits | undefined;
  /** `undefined`: nothing is shed. */
  readonly shedder: Shedder | undefined;
  /** `undefined`: no request is logged. */
  readonly accessLog: AccessLog | undefined;
  /** How long browsers are to insist on HTTPS; 0: nothing is said. */
  readonly hstsSeconds: number;
}
