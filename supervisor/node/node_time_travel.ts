/**
 * Time travel across the node: each question goes to the worker that owns the actor's shard.
 *
 * @module
 */
import type { TimeTravel } from "../admin/time_travel_routes.ts";
import { type ShardCaller, shardOf } from "../local_platform.ts";
import { asOfPoint, type Point } from "../replay/point.ts";
import type { ReplayReport } from "../replay/replay_actor.ts";
import type { DiffInput, ReplayInput, StateDiff } from "../replay/time_travel.ts";
import type { Topics } from "../../schema/topics.ts";

export function nodeTimeTravel(shards: ShardCaller, topics: Topics): TimeTravel {
  const bound = (point: Point | undefined, partition: number) =>
    point === undefined ? undefined : asOfPoint(point, partition);
  return {
    // Async, so that a point of another partition rejects.
    async diff(kind, actorId, from, to) {
      const shard = shardOf(kind, actorId, topics);
      const input: DiffInput = {
        ...shard,
        actorId,
        from: asOfPoint(from, shard.partition),
        to: bound(to, shard.partition),
      };
      return await shards.call<StateDiff | null>(shard, "diff", input);
    },
    async replay(kind, actorId, asOf) {
      const shard = shardOf(kind, actorId, topics);
      const input: ReplayInput = { ...shard, actorId, asOf: bound(asOf, shard.partition) };
      return await shards.call<ReplayReport | null>(shard, "replay", input);
    },
  };
}
