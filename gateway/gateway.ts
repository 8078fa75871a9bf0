/**
 * The gateway: what clients touch, as one Hono app over the {@link Platform}.
 *
 * @module
 */
import type { Hono } from "hono";
import { limits } from "../schema/limits.ts";
import type { Principal } from "./auth.ts";
import { createAcceptor } from "./capture/accept_events.ts";
import { ByteBudget } from "./capture/byte_budget.ts";
import { captureHandler } from "./capture/capture.ts";
import { captureProtocolRoutes } from "./capture/protocols/protocols.ts";
import { type GatewayDeps, noLog, noMetrics } from "./deps.ts";
import { createContext } from "./graphql/context.ts";
import { createGraphqlServer, type GraphqlServerOptions } from "./graphql/graphql_server.ts";
import {
  assertOffersGraphql,
  graphqlProtocol,
  graphqlSocketServer,
} from "./graphql/graphql_websocket.ts";
import { liveResponse, readyResponse } from "./health.ts";
import type { AccessLog } from "./http/access_log.ts";
import { openToPages } from "./http/cors.ts";
import { graphqlHttpHandler } from "./http/graphql_http.ts";
import { graphiqlRoute } from "./http/graphiql.ts";
import { descriptionRoutes } from "./http/openapi/gateway_document.ts";
import { addressOf, type ProxyTrust } from "./limits/client_address.ts";
import { PageBudget } from "./limits/page_budget.ts";
import type { RateLimits } from "./limits/rate_limits.ts";
import type { Shedder } from "./limits/shedder.ts";
import { createApp, type Handler, type RequestInfo } from "./router.ts";
import { Standing } from "./live/standing.ts";
import { Subscriptions } from "./live/subscriptions.ts";
import type { Peer } from "./socket/cut_connection.ts";
import { OpenSockets } from "./socket/open_sockets.ts";
import { isUpgrade, type ServeSocket, upgradeRequired, Upgrades } from "./socket/upgrades.ts";
import { uuidV7Maker } from "./uuid_v7.ts";
import { serveCaptureSocket } from "./websocket.ts";

export interface GatewayOptions extends Pick<GatewayDeps, "platform" | "keys"> {
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: GatewayDeps["now"];
  /** Ids of events that came without one, and of requests. @default UUID version 7 */
  readonly newId?: GatewayDeps["newId"];
  /** @default counts nothing */
  readonly metrics?: GatewayDeps["metrics"];
  /** @default writes nothing */
  readonly log?: GatewayDeps["log"];
  /** Proxies whose word on the client's address is taken. @default none */
  readonly trust?: ProxyTrust;
  /** @default nobody is limited */
  readonly rates?: RateLimits;
  /** Room for pages of events. @default that of the limits */
  readonly pageBudget?: PageBudget;
  /** @default nothing is shed */
  readonly shedder?: Shedder;
  /** @default no request is logged */
  readonly accessLog?: AccessLog;
  /** Whether `/graphiql` is served. @default false */
  readonly graphiql?: boolean;
  /** How long browsers are to insist on HTTPS, seconds. @default 0: nothing is said */
  readonly hstsSeconds?: number;
  /** How long the log may take to make events durable. @default limits.acceptTimeoutMs */
  readonly acceptTimeoutMs?: number;
  /** How long a WebSocket may stay without auth. @default limits.webSocketAuthMs */
  readonly webSocketAuthMs?: number;
  /** False leaves WebSockets without bounds: what drills must notice. @default true */
  readonly boundsSockets?: boolean;
  /** Persisted operations, and bounds of what runs. @default none, and `limits` */
  readonly graphql?: Omit<GraphqlServerOptions, "log">;
}

export interface Gateway {
  /** For tests: `app.request(…)`. `Deno.serve` takes {@link Gateway.fetch}. */
  readonly app: Hono;
  /** @param info tells the client's address, which limits count by */
  readonly fetch: (request: Request, info?: RequestInfo) => Response | Promise<Response>;
  /**
   * Turns `/health/ready` to 503, closes WebSockets with 1001 and ends subscriptions, so that the
   * listener can finish the requests under way and stop.
   */
  drain(): void;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { platform, keys, now = Date.now, metrics = noMetrics, log = noLog } = options;
  const newId = options.newId ?? uuidV7Maker(now);
  const authMs = options.webSocketAuthMs ?? limits.webSocketAuthMs;
  const { rates, shedder, accessLog, hstsSeconds = 0 } = options;
  const counted = { rates, shedder, accessLog, hstsSeconds };
  const deps = { platform, keys, now, newId, metrics, log, ...counted };
  const acceptor = createAcceptor(deps, options.acceptTimeoutMs);
  const isBounded = options.boundsSockets ?? true;
  const sockets = new OpenSockets({ metrics, log, isBounded });
  const subscriptions = new Subscriptions(metrics);
  const standing = new Standing({ keys, now });
  const upgrades = new Upgrades({ keys, sockets, standing, isBounded });
  const claim = upgrades.claim.bind(upgrades);
  const graphql = createGraphqlServer({ log, ...options.graphql });
  const pageBudget = options.pageBudget ?? new PageBudget();
  const contextOf = (principal: Principal) =>
    createContext(principal, { platform, subscriptions, rates, pageBudget, now });
  const nameClient = options.trust?.proxies.length ? addressOf(options.trust) : undefined;
  let isDraining = false;

  const serveEvents: ServeSocket = (client, principal) =>
    serveCaptureSocket(client, principal, {
      claim,
      platform,
      keys,
      acceptor,
      subscriptions,
      log,
      rates,
      authMs,
    });
  const serveGraphql = graphqlSocketServer({
    keys,
    server: graphql,
    contextOf,
    log,
    claim,
    authMs,
  });

  const budget = new ByteBudget(limits.bodyBytesInFlightMax);
  const overHttp = graphqlHttpHandler({
    keys,
    platform,
    server: graphql,
    subscriptions,
    standing,
    budget,
    rates,
    pageBudget,
    now,
  });
  const graphqlHandler: Handler = (request) => {
    if (!isUpgrade(request)) return overHttp(request);
    assertOffersGraphql(request.headers);
    return upgrades.open(request, graphqlProtocol, serveGraphql);
  };
  const socketHandler: Handler = (request) => {
    if (isUpgrade(request)) return upgrades.open(request, undefined, serveEvents);
    throw upgradeRequired();
  };
  const readyHandler: Handler = () =>
    readyResponse([
      ...platform.health(),
      { part: "gateway", ready: !isDraining, reason: "draining" },
    ]);
  const capture = captureHandler(keys, acceptor, budget);

  const app = createApp([
    openToPages({ path: "/api/v1/events", methods: ["POST"], handler: capture }),
    { path: "/ws", methods: ["GET"], handler: socketHandler, load: "read" },
    openToPages({
      path: "/graphql",
      methods: ["GET", "POST"],
      handler: graphqlHandler,
      load: "read",
    }),
    { path: "/health/live", methods: ["GET"], handler: liveResponse, load: "probe" },
    { path: "/health/ready", methods: ["GET"], handler: readyHandler, load: "probe" },
    ...descriptionRoutes(),
    ...(options.graphiql === true ? [graphiqlRoute()] : []),
    ...captureProtocolRoutes({ keys, acceptor, budget, now, log }),
  ], deps);

  const clientOf = (request: Request, info: RequestInfo | undefined): string | undefined => {
    const peer = info?.remoteAddr?.hostname;
    return peer === undefined || nameClient === undefined
      ? peer
      : nameClient(peer, request.headers);
  };
  /** Behind proxies of ours the other end is the client they name. */
  const seenAs = (request: Request, info: RequestInfo | undefined): RequestInfo | undefined => {
    const hostname = nameClient === undefined ? undefined : clientOf(request, info);
    return hostname === undefined ? info : { remoteAddr: { hostname } };
  };

  return {
    app,
    fetch: (request, info) => {
      if (isUpgrade(request) && info?.remoteAddr !== undefined) {
        upgrades.from(request, { ...info.remoteAddr as Peer, client: clientOf(request, info) });
      }
      return app.fetch(request, seenAs(request, info));
    },
    drain() {
      isDraining = true;
      subscriptions.endAll();
      upgrades.drain();
    },
  };
}
