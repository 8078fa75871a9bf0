/**
 * Membership over a store in memory, for nodes of one process.
 *
 * @module
 */
import type { MemoryStore } from "../../store/memory_store.ts";
import type { Beat, ClusterView, Membership } from "./membership.ts";

export class MemoryMembership implements Membership {
  constructor(readonly store: MemoryStore) {}

  beat({ startedMs, leaseMs, ...node }: Beat): Promise<ClusterView | undefined> {
    const { nodes } = this.store;
    const now = this.store.now();
    const last = nodes.get(node.nodeId);
    const mayReplace = last === undefined || last.node.life === node.life ||
      last.expiresMs <= now || (last.node.url === node.url && last.startedMs < startedMs);
    if (!mayReplace) return Promise.resolve(undefined);
    nodes.set(node.nodeId, { node, startedMs, expiresMs: now + leaseMs });
    return Promise.resolve({ nodes: this.store.aliveNodes(), shards: this.store.heldShards() });
  }

  leave(life: string): Promise<void> {
    for (const [nodeId, { node }] of this.store.nodes) {
      if (node.life === life) this.store.nodes.delete(nodeId);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
