/**
 * Clients of Redis, one server or a cluster, that never make a caller wait for a server that is away:
 * nothing is queued, nothing is sent twice.
 *
 * @module
 */
import { Cluster, Redis } from "ioredis";
import { isIP } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";

export type RedisClient = Redis | Cluster;

/** What a `redis:` URL says. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly tls: boolean;
  /** `?ca=/path`: the certificate of who signed the server's. @default the system's */
  readonly caFile?: string;
  /** `?cluster=1`: the server is a node of a cluster. */
  readonly cluster: boolean;
  /** `?prefix=`: what every key and channel begins with. @default "gm:" */
  readonly prefix: string;
}

const connectMsMax = 1_000;
const keepAliveMs = 10_000;
const retryMsMin = 50;
const retryMsMax = 1_000;

/** @throws {TypeError} it is no URL of Redis */
export function redisAddress(url: string): RedisAddress {
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  const db = pathname === "" || pathname === "/" ? "0" : pathname.slice(1);
  if (!/^rediss?:$/.test(protocol) || hostname === "" || !/^\d{1,4}$/.test(db)) {
    throw new TypeError("Cannot use a cache that is not redis://[user:password@]host[:port][/db]");
  }
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port || 6379),
    username: decodeURIComponent(username) || undefined,
    password: decodeURIComponent(password) || undefined,
    db: Number(db),
    tls: protocol === "rediss:",
    ...(searchParams.has("ca") ? { caFile: searchParams.get("ca")! } : {}),
    cluster: searchParams.get("cluster") === "1",
    prefix: searchParams.get("prefix") ?? "gm:",
  };
}

/** How long to wait before the n-th attempt to connect. */
function retryMs(attempt: number): number {
  return Math.min(retryMsMin * 2 ** (attempt - 1), retryMsMax);
}

/** An address is verified as such; only a name may be told to the server. */
function tlsOptions({ host, caFile }: RedisAddress): TlsOptions {
  return {
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(caFile === undefined ? {} : { ca: Deno.readTextFileSync(caFile) }),
  };
}

/** A client that connects by itself, again and again. Its errors go to `onError`. */
export function redisClient(address: RedisAddress, onError: (error: Error) => void): RedisClient {
  const { host, port, username, password, db, tls, cluster } = address;
  const common = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: tlsOptions(address) } : {}),
    connectTimeout: connectMsMax,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    keepAlive: keepAliveMs,
    disableClientInfo: true,
  };
  const client = cluster
    ? new Cluster([{ host, port }], {
      redisOptions: common,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryMs,
      slotsRefreshTimeout: connectMsMax,
    })
    : new Redis({ ...common, host, port, db, enableOfflineQueue: false, retryStrategy: retryMs });
  // Without a listener ioredis would write to the console.
  client.on("error", onError);
  return client;
}
