/**
 * The link to one other node: kept open for as long as that node is alive, opened again when it breaks.
 *
 * @module
 */
import { Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import type { Logger } from "../../observability/logger.ts";
import type { Clock } from "../../shard/clock.ts";
import { Rpc } from "../../worker/rpc.ts";
import type { Fired } from "../../worker/worker_protocol.ts";
import { watchdog } from "../../worker/watchdog.ts";
import type { ClusterNode } from "../membership/membership.ts";
import { linkPath } from "./link_server.ts";
import { socketEndpoint } from "./socket_endpoint.ts";

export interface PeerLinkOptions {
  readonly node: ClusterNode;
  readonly token: string;
  /** PEM certificates to trust beside the system's, for `https:` URLs. @default none */
  readonly caCerts?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** The link is open, for the first time or again. */
  readonly onOpen: (link: PeerLink) => void;
  readonly onFired: (notice: Fired) => void;
}

/** Deno's own constructor takes options; the types of a dependency hide it. */
const SocketTo = WebSocket as unknown as new (
  url: URL,
  options: { readonly headers: Record<string, string>; readonly client?: Deno.HttpClient },
) => WebSocket;

const reconnectMsMin = 50;
const reconnectMsMax = 1000;
/** After about three seconds. */
const failuresTold = 7;

/** `https://host:8082` → `wss://host:8082/cluster/link?life=…` */
function linkUrl({ url, life }: ClusterNode): URL {
  const link = new URL(linkPath, url!);
  link.protocol = link.protocol === "https:" ? "wss:" : "ws:";
  link.searchParams.set("life", life);
  return link;
}

export class PeerLink {
  readonly #end = new AbortController();
  readonly #client: Deno.HttpClient | undefined;
  #rpc: Rpc | undefined;

  constructor(readonly options: PeerLinkOptions) {
    const { caCerts = [] } = options;
    if (caCerts.length > 0) this.#client = Deno.createHttpClient({ caCerts: [...caCerts] });
    void this.#run();
  }

  get isOpen(): boolean {
    return this.#rpc !== undefined;
  }

  close(): void {
    this.#end.abort();
    this.#client?.close();
  }

  /** Tells the peer, if it is linked. */
  notify(name: string, input: unknown): void {
    this.#rpc?.notify(name, input);
  }

  /**
   * Calls the peer.
   *
   * @throws {Unavailable} `shard`: it is not linked; or did not answer within `timeoutMs`
   * @throws what it throws itself, class kept
   */
  async call<T>(name: string, input: unknown, timeoutMs: number): Promise<T> {
    const { nodeId } = this.options.node;
    if (this.#rpc === undefined) {
      throw new Unavailable("shard", `Node ${nodeId} cannot be reached right now`);
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Unavailable("cluster", `Node ${nodeId} did not answer in ${timeoutMs} ms`);
      timer = setTimeout(() => reject(error), timeoutMs);
    });
    try {
      return await Promise.race([this.#rpc.call<T>(name, input), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(): Promise<void> {
    const { clock, log, node } = this.options;
    const { signal } = this.#end;
    let delayMs = reconnectMsMin;
    let failures = 0;
    while (!signal.aborted) {
      const problem = await this.#open(signal);
      if (signal.aborted) return;
      failures = problem === undefined ? 0 : failures + 1;
      if (problem === undefined) delayMs = reconnectMsMin;
      // Its first attempts may come before it listens, or as it ends.
      if (failures === failuresTold) {
        const told = { node: node.nodeId, url: node.url, problem };
        log.warn("Cannot link to a node that is alive: is its ADVERTISED_URL right?", told);
      }
      await clock.sleep(delayMs, signal);
      delayMs = Math.min(2 * delayMs, reconnectMsMax);
    }
  }

  /** One connection, from its opening to its end. @returns why it never opened */
  async #open(signal: AbortSignal): Promise<string | undefined> {
    const { node, token, clock, onOpen, onFired } = this.options;
    const headers = { authorization: `Bearer ${token}` };
    const client = this.#client === undefined ? {} : { client: this.#client };
    let socket: WebSocket;
    try {
      socket = new SocketTo(linkUrl(node), { headers, ...client });
    } catch (error) {
      return String(error);
    }
    const over = new AbortController();
    let problem: string | undefined = "it was closed before it opened";
    socket.addEventListener("error", (event) => problem &&= (event as ErrorEvent).message);
    const closed = new Promise<void>((resolve) =>
      socket.addEventListener("close", () => resolve())
    );
    signal.addEventListener("abort", () => socket.close(), { signal: over.signal });
    const giveUp = setTimeout(() => socket.close(), limits.askTimeoutMs);
    socket.addEventListener("open", () => {
      clearTimeout(giveUp);
      problem = undefined;
      const rpc = this.#rpc = new Rpc(socketEndpoint(socket), { fired: onFired });
      const ping = () => rpc.call("ping", undefined);
      // A peer that is cut off answers no more, and nobody tells us.
      void watchdog({ clock, ping, signal: over.signal }).then((end) => {
        if (end === "frozen") socket.close();
      });
      onOpen(this);
    });
    await closed;
    clearTimeout(giveUp);
    over.abort();
    this.#rpc?.close(new Unavailable("shard", `The link to node ${node.nodeId} has broken`));
    this.#rpc = undefined;
    return problem;
  }
}
