/**
 * The links to all other nodes, as the view of the cluster has them, and the watches of this node's
 * subscribers: each is told to every node, so it goes on whichever of them has the shard.
 *
 * @module
 */
import type { Logger } from "../../observability/logger.ts";
import type { Clock } from "../../shard/clock.ts";
import { WatchHub } from "../../worker/watch_hub.ts";
import type { WorkerWatch } from "../../worker/worker_protocol.ts";
import type { ClusterNode, ClusterView } from "../membership/membership.ts";
import { pump } from "./link_server.ts";
import { PeerLink, type PeerLinkOptions } from "./peer_link.ts";

export interface PeersOptions extends Pick<PeerLinkOptions, "token" | "caCerts"> {
  readonly life: string;
  /** Watches over the shards of this node itself. */
  readonly ownWatches: WatchHub;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Peers {
  /** Watches over the whole cluster. */
  readonly watches: WatchHub;
  readonly #links = new Map<string, PeerLink>();
  readonly #own = new Map<number, AbortController>();

  constructor(readonly options: PeersOptions) {
    this.watches = new WatchHub((watch) => this.#tell(watch), (id) => this.#forget(id));
  }

  /** Opens links to nodes that have come, closes those to nodes that are gone. */
  see(view: ClusterView): void {
    const alive = new Map(view.nodes.map((node) => [node.life, node]));
    for (const [life, link] of this.#links) {
      if (alive.has(life)) continue;
      link.close();
      this.#links.delete(life);
    }
    for (const [life, node] of alive) {
      if (life === this.options.life || node.url === null || this.#links.has(life)) continue;
      this.#links.set(life, this.#open(node));
    }
  }

  #open(node: ClusterNode): PeerLink {
    return new PeerLink({
      ...this.options,
      node,
      onFired: (notice) => this.watches.fired(notice),
      onOpen: (link) => {
        for (const watch of this.watches.watches()) {
          link.notify("watch", { id: watch.id, spec: watch });
          // It may have changed over there before the watch stood.
          if (watch.type === "actor") this.watches.fired({ id: watch.id, events: null });
        }
      },
    });
  }

  link(life: string): PeerLink | undefined {
    return this.#links.get(life);
  }

  /** The links to all nodes that are alive, open or not. */
  all(): readonly PeerLink[] {
    return [...this.#links.values()];
  }

  /** Tells every node. */
  notify(name: string, input: unknown): void {
    for (const link of this.#links.values()) link.notify(name, input);
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #tell(watch: WorkerWatch): void {
    const { id } = watch;
    const end = new AbortController();
    this.#own.set(id, end);
    void pump(
      this.options.ownWatches,
      watch,
      end.signal,
      (event) => this.watches.fired({ id, events: event === null ? null : [event] }),
    );
    this.notify("watch", { id, spec: watch });
  }

  #forget(id: number): void {
    this.#own.get(id)?.abort();
    this.#own.delete(id);
    this.notify("unwatch", id);
  }
}
