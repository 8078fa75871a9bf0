/**
 * Shards by name, wherever they run: what the platform and the admin API ask. Alone, a node's worker
 * pool is all of it.
 *
 * @module
 */
import type { Topics } from "../../schema/topics.ts";
import type { StageName } from "../store/store.ts";
import type { PlacedReport } from "../worker/worker_pool.ts";
import type { ShardId } from "../worker/worker_protocol.ts";

/** The shards of a stage: the partitions of its topic. */
export function shardsOf(stage: StageName, topics: Topics): ShardId[] {
  const { partitions } = topics[stage === "player" ? "player.events.raw" : "game.deltas"];
  return Array.from({ length: partitions }, (_, partition) => ({ stage, partition }));
}

/** The shards of all stages. */
export function allShards(topics: Topics): ShardId[] {
  return (["player", "game"] as const).flatMap((stage) => shardsOf(stage, topics));
}

/** Where a shard is; `null` for what is not known here, as on another node its worker. */
export interface ShardPlace {
  readonly node: string | null;
  readonly worker: string | null;
}

export interface ShardRouter {
  /** Every shard of the stages that this node knows of. */
  shards(): ShardId[];

  /** Calls the worker that owns `shard`. @throws {Unavailable} nobody serves it right now */
  call<T>(shard: ShardId, name: string, input: unknown): Promise<T>;

  /** Calls every worker. @throws {Unavailable} one could not be asked */
  callAll<T>(name: string, input: unknown): Promise<T[]>;

  placeOf(shard: ShardId): ShardPlace;

  /** The shards that are being served, asked for now. */
  freshReports(): Promise<PlacedReport[]>;
}
