/**
 * What a node serves to the others on its cluster port: one link a peer, over which come its calls for
 * our shards and its watches, and go our answers and what the watches see.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { Misdirected, Unavailable } from "../../../schema/errors.ts";
import type { PlacedReport } from "../../worker/worker_pool.ts";
import { Rpc } from "../../worker/rpc.ts";
import type { WatchHub, WatchSpec } from "../../worker/watch_hub.ts";
import type { ShardId } from "../../worker/worker_protocol.ts";
import { socketEndpoint } from "./socket_endpoint.ts";

/** The path of the link. */
export const linkPath = "/cluster/link";

/** A call for one shard. */
export interface ShardCall {
  readonly shard: ShardId;
  readonly name: string;
  readonly input: unknown;
}

/** What nodes may have each other do, beside what they may be asked. */
const shardCalls = ["ask", "inspect", "diff", "replay", "act", "pause", "resume", "restart"];
const workerCalls = ["actors", "halted", "startShadow", "shadowReport", "stopShadow"];

/** The worker pool, as peers may use it. */
export interface ServedShards {
  call<T>(shard: ShardId, name: string, input: unknown): Promise<T>;
  callAll<T>(name: string, input: unknown): Promise<T[]>;
  freshReports(): Promise<PlacedReport[]>;
  readonly watches: WatchHub;
}

export interface LinkServerOptions {
  /** Of the node that serves. */
  readonly life: string;
  readonly token: string;
  readonly shards: ServedShards;
  /** False once somebody else may have our shards: nothing is answered from them then. */
  readonly hasLease: () => boolean;
  /** A peer asks us to look at the cluster again. */
  readonly onNudge: () => void;
}

const digest = (text: string) => createHash("sha256").update(text).digest();

function refusal(status: number, code: string, detail: string): Response {
  const body = { type: "about:blank", title: code, status, code, detail };
  const headers = { "content-type": "application/problem+json" };
  return new Response(JSON.stringify(body), { status, headers });
}

export class LinkServer {
  readonly #sockets = new Set<WebSocket>();
  readonly #expected: Uint8Array;

  constructor(readonly options: LinkServerOptions) {
    this.#expected = digest(options.token);
  }

  /** How many peers are linked. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Answers 401 without the token, 421 to who looks for another life, and else opens a link. */
  readonly fetch = (request: Request): Response => {
    const given = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
    // Digests are of one length, so that the comparison takes the same time whatever was sent.
    if (!timingSafeEqual(digest(given), this.#expected)) {
      return refusal(401, "unauthorized", "Send the cluster token: Authorization: Bearer TOKEN");
    }
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== linkPath) return refusal(404, "not_found", "Nothing is served at this path");
    const life = searchParams.get("life");
    if (life !== this.options.life) {
      return refusal(421, "misdirected", `This is ${this.options.life}, not ${life}`);
    }
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return refusal(426, "upgrade_required", "Nodes talk over a WebSocket here");
    }
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    socket.addEventListener("open", () => this.#serve(socket));
    return response;
  };

  /** Cuts every link. */
  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #serve(socket: WebSocket): void {
    const { shards, hasLease, onNudge } = this.options;
    const watches = new Map<number, AbortController>();
    const rpc: Rpc = new Rpc(socketEndpoint(socket), {
      ping: () => true,
      nudge: onNudge,
      call: ({ shard, name, input }: ShardCall) => {
        if (!shardCalls.includes(name)) throw new Misdirected(`Nobody serves '${name}' here`);
        if (!hasLease()) throw new Unavailable("cluster", "The lease of the owner has run out");
        return shards.call(shard, name, input);
      },
      all: ({ name, input }: Omit<ShardCall, "shard">) => {
        if (!workerCalls.includes(name)) throw new Misdirected(`Nobody serves '${name}' here`);
        return shards.callAll(name, input);
      },
      report: () => shards.freshReports(),
      watch: ({ id, spec }: { id: number; spec: WatchSpec }) => {
        const end = new AbortController();
        watches.get(id)?.abort();
        watches.set(id, end);
        void pump(
          shards.watches,
          spec,
          end.signal,
          (event) => rpc.notify("fired", { id, events: event === null ? null : [event] }),
        );
      },
      unwatch: (id: number) => {
        watches.get(id)?.abort();
        watches.delete(id);
      },
    });
    this.#sockets.add(socket);
    const end = () => {
      this.#sockets.delete(socket);
      rpc.close(new Unavailable("cluster", "The link is closed"));
      for (const watch of watches.values()) watch.abort();
    };
    socket.addEventListener("close", end);
    socket.addEventListener("error", () => socket.close());
  }
}

/** Passes on what a watch of this node sees, until `signal` aborts. */
export async function pump(
  hub: WatchHub,
  spec: WatchSpec,
  signal: AbortSignal,
  onValue: (value: RecordedEventOrNull) => void,
): Promise<void> {
  for await (const value of hub.watch(spec, signal)) onValue(value);
}

type RecordedEventOrNull = ReturnType<WatchHub["watch"]> extends AsyncIterable<infer V> ? V : never;
