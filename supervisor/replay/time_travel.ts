/**
 * Time travel on a shard that runs: what an actor was at two points, and whether its journal leads to
 * what it is.
 *
 * @module
 */
import { stateHash } from "../../actors/kernel/state_hash.ts";
import { Unavailable } from "../../schema/errors.ts";
import type { Shard } from "../shard/shard.ts";
import type { AsOf } from "../store/store.ts";
import type { ShardId } from "../worker/worker_protocol.ts";
import { type Recorded, replayActor, type ReplayReport, stateOf } from "./replay_actor.ts";
import { type Change, diffState } from "./state_diff.ts";

/** One side of a diff. */
export interface DiffSide {
  /** `partition:offset` of the last message in it; `null` before the first. */
  readonly version: string | null;
  readonly hash: string | null;
}

export interface StateDiff {
  readonly id: string;
  readonly from: DiffSide;
  readonly to: DiffSide;
  readonly changes: readonly Change[];
  /** There are more changes than are told. */
  readonly truncated: boolean;
}

/** What the node asks a worker. */
export interface DiffInput extends ShardId {
  readonly actorId: string;
  readonly from: AsOf;
  readonly to: AsOf | undefined;
}

export interface ReplayInput extends ShardId {
  readonly actorId: string;
  readonly asOf: AsOf | undefined;
}

const changesMax = 1000;
const commitWaitMs = 5000;

/** What changed of an actor between two points; `null` when it has never been, at neither. */
export async function diffActor(
  shard: Shard,
  actorId: string,
  from: AsOf,
  to: AsOf | undefined,
): Promise<StateDiff | null> {
  const [before, after] = [await shard.inspect(actorId, from), await shard.inspect(actorId, to)];
  if (before === undefined && after === undefined) return null;
  const { partition } = shard.options;
  const side = (found: typeof before) =>
    found === undefined
      ? { version: null, hash: null }
      : { version: `${partition}:${found.cell.offset}`, hash: stateHash(found.parts) };
  const state = (found: typeof before) => found === undefined ? {} : stateOf(found.parts);
  const changes = diffState(state(before), state(after), changesMax + 1);
  return {
    id: actorId,
    from: side(before),
    to: side(after),
    changes: changes.slice(0, changesMax),
    truncated: changes.length > changesMax,
  };
}

/**
 * Replays an actor of the shard: up to `asOf`, or up to what it is in memory now.
 *
 * @throws {Unavailable} what is in memory was not committed within 5 s
 */
export async function replayInShard(
  shard: Shard,
  actorId: string,
  asOf?: AsOf,
): Promise<ReplayReport | null> {
  const { stage, partition, store, log, clock } = shard.options;
  const ports = { stage, partition, store, log };
  if (asOf !== undefined || stage.behaviour.durability !== "journal") {
    return await replayActor(ports, actorId, asOf);
  }
  const found = await shard.inspect(actorId);
  if (found === undefined) return null;
  // In one step: the cell lives on.
  const live: Recorded = {
    offset: found.cell.offset,
    parts: stage.behaviour.describe(found.cell.state),
  };
  const end = clock.now() + commitWaitMs;
  while (shard.report().nextOffset <= live.offset) {
    if (clock.now() >= end) {
      throw new Unavailable("shard", `${stage.name}/${partition} does not commit right now`);
    }
    await clock.sleep(20);
  }
  return await replayActor(ports, actorId, undefined, live);
}
