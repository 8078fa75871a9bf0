/**
 * Which node each shard should be on: the same answer on every node, from the view alone, so nobody has
 * to be asked or elected. Shares follow the nodes' workers, and a shard moves only when its holder has
 * more than its share.
 *
 * @module
 */
import type { StageName } from "../../store/store.ts";
import type { ShardId } from "../../worker/worker_protocol.ts";
import { type ClusterNode, type ClusterView, shardKey } from "./membership.ts";

/** How many shards each node should have of `count`, by largest remainder; ties go to who has it now. */
function sharesOf(
  nodes: readonly ClusterNode[],
  count: number,
  held: ReadonlyMap<string, readonly number[]>,
): Map<string, number> {
  const workers = nodes.reduce((sum, node) => sum + node.workers, 0);
  const exact = nodes.map((node) => ({ node, share: count * node.workers / workers }));
  const shares = new Map(exact.map(({ node, share }) => [node.life, Math.floor(share)]));
  let left = count - [...shares.values()].reduce((sum, share) => sum + share, 0);
  // What it has beyond its whole share and would have to give up.
  const beyond = (node: ClusterNode) => (held.get(node.life)?.length ?? 0) - shares.get(node.life)!;
  const first = exact.toSorted((a, b) =>
    (b.share % 1) - (a.share % 1) || beyond(b.node) - beyond(a.node) ||
    (a.node.nodeId < b.node.nodeId ? -1 : 1)
  );
  for (const { node } of first) {
    if (left-- <= 0) break;
    shares.set(node.life, shares.get(node.life)! + 1);
  }
  return shares;
}

/** Who has a shard now: its holder, else the first node that waits for it. */
function holdersOf(stage: StageName, count: number, view: ClusterView): (string | undefined)[] {
  const lives = new Set(view.nodes.map(({ life }) => life));
  const holders: (string | undefined)[] = new Array(count).fill(undefined);
  for (const shard of view.shards) {
    const isOurs = shard.stage === stage && shard.partition < count;
    if (isOurs && shard.life !== null && lives.has(shard.life)) {
      holders[shard.partition] = shard.life;
    }
  }
  for (let partition = 0; partition < count; partition++) {
    const waits = (node: ClusterNode) => node.wants.includes(shardKey(stage, partition));
    holders[partition] ??= view.nodes.find(waits)?.life;
  }
  return holders;
}

/**
 * Deals the partitions of a stage out to the nodes that have its role, are up, and do not leave.
 *
 * @param count partitions of the stage's topic
 * @returns partition → life; `undefined` when nobody serves the stage
 */
export function assignStage(
  stage: StageName,
  count: number,
  view: ClusterView,
): (string | undefined)[] {
  const nodes = view.nodes.filter((node) =>
    node.roles.includes(stage) && node.workers > 0 && !node.isLeaving
  );
  const assigned: (string | undefined)[] = new Array(count).fill(undefined);
  if (nodes.length === 0) return assigned;
  const held = new Map<string, number[]>(nodes.map(({ life }) => [life, []]));
  holdersOf(stage, count, view).forEach((life, partition) => {
    if (life !== undefined) held.get(life)?.push(partition);
  });
  const shares = sharesOf(nodes, count, held);
  for (const [life, partitions] of held) {
    for (const partition of partitions.slice(0, shares.get(life))) assigned[partition] = life;
  }
  const takers = nodes.flatMap(({ life }) =>
    new Array<string>(Math.max(0, shares.get(life)! - held.get(life)!.length)).fill(life)
  );
  for (let partition = 0; partition < count; partition++) assigned[partition] ??= takers.shift();
  return assigned;
}

/** The shards that should be on the node whose life is `life`. */
export function desiredShards(
  life: string,
  shards: readonly ShardId[],
  view: ClusterView,
): ShardId[] {
  const counts = new Map<StageName, number>();
  for (const { stage } of shards) counts.set(stage, (counts.get(stage) ?? 0) + 1);
  return [...counts].flatMap(([stage, count]) =>
    assignStage(stage, count, view).flatMap((owner, partition) =>
      owner === life ? [{ stage, partition }] : []
    )
  );
}
