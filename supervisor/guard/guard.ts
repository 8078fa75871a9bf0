/**
 * A small TCP guard before the HTTP server, in the same process: for nodes that stand on the network
 * without a proxy. It takes connections only as far as descriptors go, refuses requests that two
 * readers could understand in two ways, and ends whoever takes too long.
 *
 * The server behind listens on loopback and knows each connection by its port there: {@link peerOf}
 * tells whose it is. Nothing a client sends can change that, and who comes by himself is nobody.
 *
 * @module
 */
import { type Cidr, isWithin } from "../../schema/net/cidr.ts";
import { edgeLimits } from "../../schema/net/edge_limits.ts";
import { isLoopback, siteOf } from "../../schema/net/site.ts";
import { refusal } from "./answers.ts";
import { connectionsAllowed } from "./descriptors.ts";
import { GuardedConnection, type GuardTimes } from "./guarded_connection.ts";
import { type Peer, Peers } from "./peers.ts";
import type { Fault } from "./request_head.ts";

/** What the guard counts. */
export interface GuardCounts {
  /** Connections open now. */
  open(connections: number): void;
  /** A connection was not taken, or was ended, for `reason`. */
  refused(reason: "full" | "address" | "late" | "evicted"): void;
}

export interface GuardOptions {
  /** @default what descriptors allow */
  readonly connectionsMax?: number;
  /** Of one address, loopback excepted; 0 is no limit. @default edgeLimits.perAddressMax */
  readonly connectionsPerAddress?: number;
  /** Whose PROXY header is believed. @default nobody's */
  readonly trustedProxies?: readonly Cidr[];
  /** @default edgeLimits */
  readonly times?: Partial<GuardTimes>;
  /** @default counts nothing */
  readonly counts?: GuardCounts;
  /** Milliseconds that only grow. @default performance.now */
  readonly now?: () => number;
}

/** Each connection is looked at so often, */
const lookMs = 250;
/** in so many turns: many that are late at once would hold everybody else up. */
const turns = 10;
const acceptPauseMs = 50;
const finishMs = 500;
const full: Fault = { status: 503, detail: "This node has too many connections: come back later" };
const tooMany: Fault = { status: 429, detail: "This address has too many connections" };

export class Guard {
  readonly #options: GuardOptions;
  readonly #times: GuardTimes;
  readonly #max: number;
  readonly #perAddress: number;
  readonly #connections = new Set<GuardedConnection>();
  /** The same, by whose turn it is to be looked at. */
  readonly #turns = Array.from({ length: turns }, () => new Set<GuardedConnection>());
  #entered = 0;
  #looks = 0;
  /** Those that have not brought a whole head, oldest first: the first to go when there is no room. */
  readonly #unproven = new Set<GuardedConnection>();
  readonly #sites = new Map<string, number>();
  readonly #peers = new Peers();
  #listener: Deno.TcpListener | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: GuardOptions = {}) {
    this.#options = options;
    this.#times = { ...edgeLimits, ...options.times };
    this.#max = options.connectionsMax || connectionsAllowed();
    this.#perAddress = options.connectionsPerAddress ?? edgeLimits.perAddressMax;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Whose connection it is that comes from this port of loopback. */
  peerOf(port: number): Peer | undefined {
    return this.#peers.of(port);
  }

  /**
   * Takes connections and passes them to a port of loopback.
   *
   * @returns where it listens
   * @throws {Error} it cannot
   */
  listen(hostname: string, port: number, backendPort: number): Deno.NetAddr {
    const listener = Deno.listen({ hostname, port });
    this.#listener = listener;
    this.#timer = setInterval(() => this.#look(), lookMs / turns);
    void this.#accept(listener, backendPort);
    return listener.addr;
  }

  async #accept(listener: Deno.TcpListener, backendPort: number): Promise<void> {
    while (this.#listener === listener) {
      try {
        this.#enter(await listener.accept(), backendPort);
      } catch {
        // Out of descriptors, or the client has gone before it was its turn.
        if (this.#listener !== listener) return;
        await new Promise((resolve) => setTimeout(resolve, acceptPauseMs));
      }
    }
  }

  #enter(client: Deno.TcpConn, backendPort: number): void {
    const peer = client.remoteAddr;
    const { trustedProxies = [] } = this.#options;
    const isProxy = isWithin(trustedProxies, peer.hostname);
    const fault = this.#noRoom() ?? (isProxy ? undefined : this.#noRoomFor(peer.hostname));
    if (fault !== undefined) return this.#turnAway(client, fault);
    client.setNoDelay(true);
    this.#serve(client, isProxy ? undefined : siteOf(peer.hostname), peer, backendPort);
  }

  #serve(client: Deno.TcpConn, from: string | undefined, peer: Peer, backendPort: number): void {
    let [site, source] = [from, peer];
    let isOver = false;
    let forget: (() => void) | undefined;
    const turn = this.#turns[this.#entered++ % turns]!;
    const connection: GuardedConnection = new GuardedConnection(client, {
      times: this.#times,
      now: this.#options.now ?? (() => performance.now()),
      // Only of a proxy is the site not known yet.
      isProxy: from === undefined,
      connect: async () => {
        const backend = await Deno.connect({ hostname: "127.0.0.1", port: backendPort });
        backend.setNoDelay(true);
        // Gone while we connected: nobody would take the entry back.
        if (!isOver) forget = this.#peers.add(backend.localAddr.port, source);
        return backend;
      },
      onSource: (told) => {
        const fault = this.#noRoomFor(told.hostname);
        if (fault !== undefined) return fault;
        [site, source] = [siteOf(told.hostname), told];
        this.#count(site, 1);
        return undefined;
      },
      onHead: () => void this.#unproven.delete(connection),
      onEnd: () => {
        isOver = true;
        forget?.();
        if (site !== undefined) this.#count(site, -1);
        this.#connections.delete(connection);
        turn.delete(connection);
        this.#unproven.delete(connection);
        if (this.#connections.size === 0) this.#onEmpty?.();
      },
    });
    if (site !== undefined) this.#count(site, 1);
    this.#connections.add(connection);
    turn.add(connection);
    this.#unproven.add(connection);
    void connection.run();
  }

  #count(site: string, by: 1 | -1): void {
    const count = (this.#sites.get(site) ?? 0) + by;
    if (count === 0) this.#sites.delete(site);
    else this.#sites.set(site, count);
  }

  /** Makes room for one more, if there is any to be made. */
  #noRoom(): Fault | undefined {
    if (this.#connections.size < this.#max) return undefined;
    for (const oldest of this.#unproven) {
      oldest.close();
      this.#options.counts?.refused("evicted");
      return undefined;
    }
    this.#options.counts?.refused("full");
    return full;
  }

  #noRoomFor(address: string): Fault | undefined {
    // Whoever is on this machine, a proxy perhaps, stands for many.
    const isFull = this.#perAddress > 0 && !isLoopback(address) &&
      (this.#sites.get(siteOf(address)) ?? 0) >= this.#perAddress;
    if (!isFull) return undefined;
    this.#options.counts?.refused("address");
    return tooMany;
  }

  /** Says why and closes, without waiting for anything: each takes a descriptor while it lasts. */
  #turnAway(client: Deno.TcpConn, fault: Fault): void {
    client.write(refusal(fault)).catch(() => {}).finally(() => client.close());
  }

  #look(): void {
    for (const connection of this.#turns[this.#looks++ % turns]!) {
      if (connection.look()) this.#options.counts?.refused("late");
    }
    this.#options.counts?.open(this.#connections.size);
  }

  /** Takes no more connections. Those that the server knows are its own to end. */
  drain(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.close();
    for (const connection of this.#connections) connection.drain();
  }

  /** After the server has ended: lets its last answers through, for a moment, and closes everything. */
  async finish(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = setTimeout(resolve, finishMs);
    if (this.#connections.size > 0) await promise;
    clearTimeout(timer);
    this.close();
  }

  /** Closes everything. */
  close(): void {
    this.drain();
    clearInterval(this.#timer);
    for (const connection of this.#connections) connection.close();
  }
}
