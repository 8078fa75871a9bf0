/**
 * The open WebSockets of one gateway: how many there may be, and an eye on those that are being
 * written to or closed.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { isLoopback, siteOf } from "../../schema/net/site.ts";
import type { Principal } from "../../schema/principal.ts";
import type { GatewayLog, GatewayMetrics } from "../deps.ts";
import { overloaded, Problem } from "../problem.ts";
import { ClientSocket, closeCode, type RawSocket } from "./client_socket.ts";
import { connectionCutter, type CutConnections, type Peer } from "./cut_connection.ts";

export interface OpenSocketsOptions {
  readonly metrics: Pick<GatewayMetrics, "webSockets">;
  readonly log: Pick<GatewayLog, "warn">;
  /** @default the C library's, where there is one */
  readonly cut?: CutConnections;
  /** Milliseconds; monotonic. @default performance.now */
  readonly now?: () => number;
  /** As a {@link ClientSocket} takes it. */
  readonly later?: (run: () => void) => void;
  /** How often busy sockets are looked at. @default limits.webSocketLookMs */
  readonly lookMs?: number;
  /** False lets everything through: what the drills must notice. @default true */
  readonly isBounded?: boolean;
}

/** Counts by name; what is not there is 0. */
class Tally {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, by: 1 | -1): void {
    const count = this.of(name) + by;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }
}

/** An address as connections are counted by; a proxy or a client of this machine is not counted. */
function addressOf(peer: Peer | undefined): string | undefined {
  if (peer === undefined) return undefined;
  const address = peer.client ?? peer.hostname;
  return isLoopback(address) ? undefined : siteOf(address);
}

/** Whether the runtime has ended it for want of a pong. */
const isSilent = ({ code, wasClean }: CloseEvent) => code === closeCode.goingAway && !wasClean;

interface Place {
  readonly client: ClientSocket;
  readonly address: string | undefined;
  holder: string | undefined;
}

export class OpenSockets {
  readonly #places = new Map<ClientSocket, Place>();
  readonly #busy = new Set<ClientSocket>();
  readonly #addresses = new Tally();
  readonly #holders = new Tally();
  /** Peers of sockets that say they have closed with bytes unsent: since the last look, and before. */
  #left: Peer[] = [];
  #leftBefore: Peer[] = [];
  #cut: CutConnections | undefined;
  #isCutKnown = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(readonly options: OpenSocketsOptions) {}

  get size(): number {
    return this.#places.size;
  }

  /**
   * Before the upgrade: is there a place for one more?
   *
   * @throws {Problem} 503 there are too many, 429 of this address or this key
   */
  enter(peer: Peer | undefined, principal: Principal | undefined): void {
    if (this.size >= limits.webSocketsMax) throw overloaded();
    const address = addressOf(peer);
    if (address !== undefined && this.#addresses.of(address) >= limits.webSocketsPerAddressMax) {
      throw tooMany("address", limits.webSocketsPerAddressMax);
    }
    if (principal !== undefined && !this.#hasRoom(principal)) {
      throw tooMany(...placesOf(principal));
    }
  }

  /** Counts a socket until it closes. */
  add(socket: RawSocket, peer: Peer | undefined, principal: Principal | undefined): ClientSocket {
    const { isBounded = true, now, later } = this.options;
    const client = new ClientSocket(socket, {
      peer,
      isBounded,
      onBusy: (busy) => this.#watch(busy),
      ...(now === undefined ? {} : { now }),
      ...(later === undefined ? {} : { later }),
    });
    const place: Place = { client, address: addressOf(peer), holder: undefined };
    this.#places.set(client, place);
    if (place.address !== undefined) this.#addresses.add(place.address, 1);
    if (principal !== undefined) this.#hold(place, principal);
    this.options.metrics.webSockets(this.size);
    socket.addEventListener("close", (event) => this.#remove(client, isSilent(event)));
    return client;
  }

  /** A client has said who it is. Closes it with 4429 if that one has too many connections. */
  claim(client: ClientSocket, principal: Principal): boolean {
    const place = this.#places.get(client);
    if (place === undefined) return false;
    if (place.holder === holderOf(principal)) return true;
    if (this.#hasRoom(principal)) {
      this.#hold(place, principal);
      return true;
    }
    const [scope, max] = placesOf(principal);
    client.close(closeCode.tooMany, `There may be ${max} connections of one ${scope}`);
    return false;
  }

  closeAll(): void {
    for (const client of [...this.#places.keys()]) client.close(closeCode.goingAway, "Going away");
  }

  #hasRoom(principal: Principal): boolean {
    return this.#holders.of(holderOf(principal)) < placesOf(principal)[1];
  }

  #hold(place: Place, principal: Principal): void {
    if (place.holder !== undefined) this.#holders.add(place.holder, -1);
    place.holder = holderOf(principal);
    this.#holders.add(place.holder, 1);
  }

  #remove(client: ClientSocket, wasSilent: boolean): void {
    const place = this.#places.get(client);
    if (place === undefined) return;
    this.#places.delete(client);
    this.#busy.delete(client);
    if (place.address !== undefined) this.#addresses.add(place.address, -1);
    if (place.holder !== undefined) this.#holders.add(place.holder, -1);
    this.options.metrics.webSockets(this.size);
    const { peer } = client.options;
    // The runtime has closed it but holds the connection as long as somebody is to take the bytes, and
    // so does a guard in front of it.
    if ((client.leavesUnsent || wasSilent) && peer !== undefined) this.#left.push(peer);
    this.#wakeOrRest();
  }

  #watch(client: ClientSocket): void {
    if (this.#places.has(client)) this.#busy.add(client);
    this.#wakeOrRest();
  }

  #wakeOrRest(): void {
    if (this.#busy.size + this.#left.length + this.#leftBefore.length > 0) {
      const every = this.options.lookMs ?? limits.webSocketLookMs;
      this.#timer ??= setInterval(() => this.#look(), every);
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    // Those of the last moment may still get their close frame.
    const overdue: Peer[] = this.#leftBefore;
    this.#leftBefore = this.#left;
    this.#left = [];
    for (const client of [...this.#busy]) {
      const look = client.look();
      if (look === "calm") this.#busy.delete(client);
      if (look === "overdue" && client.options.peer !== undefined) {
        overdue.push(client.options.peer);
      }
    }
    if (overdue.length > 0 && this.options.isBounded !== false) this.#cutAll(overdue);
    this.#wakeOrRest();
  }

  #cutAll(peers: readonly Peer[]): void {
    if (!this.#isCutKnown) {
      this.#isCutKnown = true;
      this.#cut = this.options.cut ?? connectionCutter();
      if (this.#cut === undefined) {
        const message = "WebSockets that do not close cannot be cut here: put a proxy in front";
        this.options.log.warn(message, { sockets: peers.length });
      }
    }
    this.#cut?.(peers);
  }
}

const holderOf = ({ id, userId }: Principal) => `${userId === undefined ? "key" : "user"}:${id}`;

/** By what a principal's connections are counted, and how many there may be. */
function placesOf({ userId }: Principal): ["key" | "user", number] {
  return userId === undefined
    ? ["key", limits.webSocketsPerKeyMax]
    : ["user", limits.webSocketsPerUserMax];
}

function tooMany(scope: string, max: number): Problem {
  const detail = `There may be ${max} connections of one ${scope}: close some`;
  return new Problem(429, "rate_limited", detail, { headers: { "retry-after": "1" } });
}
