/**
 * How a request becomes a socket: who it is of, from where, whether there is room for it, and that it
 * ends when its key or token is good no more. The same for every protocol on it.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { authenticate, type Keys, type Principal, tokenOf } from "../auth.ts";
import { assertOrigin, mayUse } from "../http/cors.ts";
import type { Standing } from "../live/standing.ts";
import { Problem, unauthorized, unavailable } from "../problem.ts";
import { type ClientSocket, closeCode } from "./client_socket.ts";
import type { Peer } from "./cut_connection.ts";
import type { OpenSockets } from "./open_sockets.ts";

/** Serves an upgraded socket until it closes. `principal` is whom the upgrade's headers named. */
export type ServeSocket = (client: ClientSocket, principal: Principal | undefined) => void;

export interface UpgradeDeps {
  readonly keys: Keys;
  readonly sockets: OpenSockets;
  readonly standing: Standing;
  /** Whether sockets are asked for signs of life. */
  readonly isBounded: boolean;
}

/** Whether a request asks for a WebSocket. */
export const isUpgrade = (request: Request): boolean =>
  request.headers.get("upgrade")?.toLowerCase() === "websocket";

/** For a path that speaks WebSocket alone. */
export const upgradeRequired = (): Problem =>
  new Problem(426, "upgrade_required", "Connect to this path with a WebSocket client", {
    headers: { upgrade: "websocket" },
  });

export class Upgrades {
  readonly #peers = new WeakMap<Request, Peer>();
  readonly #origins = new WeakMap<ClientSocket, string | null>();
  #isDraining = false;

  constructor(readonly deps: UpgradeDeps) {}

  /** Remembers whose a request is: once it is upgraded nobody can say any more. */
  from(request: Request, peer: Peer): void {
    this.#peers.set(request, peer);
  }

  /** Takes no more, and closes those that are there with 1001. */
  drain(): void {
    this.#isDraining = true;
    this.deps.sockets.closeAll();
  }

  /**
   * Upgrades, unless the request carries a wrong key; one without any may authenticate later.
   *
   * @param protocol the WebSocket subprotocol, if it is to have one
   * @throws {Problem} 401, 403 `origin_forbidden`, 429 for too many sockets, 503 while draining
   */
  async open(
    request: Request,
    protocol: string | undefined,
    serve: ServeSocket,
  ): Promise<Response> {
    const { keys, sockets, isBounded } = this.deps;
    const principal = await authenticate(keys, request.headers);
    const token = tokenOf(request.headers);
    if (principal === undefined && token !== undefined) throw unauthorized();
    assertOrigin(request, principal);
    if (this.#isDraining) throw unavailable("unavailable", "This node is going away");
    const peer = this.#peers.get(request);
    // Nothing can be asked of a request once it is upgraded.
    const origin = request.headers.get("origin");
    sockets.enter(peer, principal);
    const { socket, response } = Deno.upgradeWebSocket(request, {
      idleTimeout: isBounded ? limits.webSocketIdleMs / 1000 : 0,
      ...(protocol === undefined ? {} : { protocol }),
    });
    socket.binaryType = "arraybuffer";
    const client = sockets.add(socket, peer, principal);
    this.#origins.set(client, origin);
    if (principal !== undefined && token !== undefined) this.#watch(client, principal, token);
    serve(client, principal);
    return response;
  }

  /** Whether whoever has just said who they are may have one more connection; closes it if not. */
  claim(client: ClientSocket, principal: Principal, token: string): boolean {
    if (!mayUse(principal, this.#origins.get(client) ?? null)) {
      client.close(closeCode.policyViolation, "This key may not be used from this origin");
      return false;
    }
    if (!this.deps.sockets.claim(client, principal)) return false;
    this.#watch(client, principal, token);
    return true;
  }

  /** Closes a socket when its key or token is good no more. */
  #watch(client: ClientSocket, principal: Principal, token: string): void {
    const shown = { token, principal, origin: this.#origins.get(client) ?? null };
    const end = () => client.close(closeCode.policyViolation, "Your key or token is good no more");
    client.socket.addEventListener("close", this.deps.standing.watch(shown, end));
  }
}
