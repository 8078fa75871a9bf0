/**
 * One ownership of a shard: everything that is true from one taking of it to the next, and void
 * with it.
 *
 * @module
 */
import type { ShardClaim } from "../store/store.ts";
import { Applier } from "./applier.ts";
import { Batch } from "./batch.ts";
import { Cells } from "./cells.ts";
import { Emitter } from "./emitter.ts";
import { retry, type RetryOptions } from "./retry.ts";
import type { ShardOptions } from "./shard_types.ts";
import { SnapshotKeeper } from "./snapshot_keeper.ts";

export interface Ownership {
  readonly claim: ShardClaim;
  readonly cells: Cells;
  readonly emitter: Emitter;
  readonly keeper: SnapshotKeeper;
  readonly applier: Applier;
  /** Applied, not yet being committed. */
  pending: Batch;
  /** Being committed. */
  committing: Batch | undefined;
  /** A record is half applied, as an actor is being rebuilt: nothing may be sealed now. */
  isRebuilding: boolean;
  committedOffset: number;
  /** Once it stops: until when it goes on writing snapshots, milliseconds. */
  releaseUntil?: number;
}

export interface OwnershipPorts {
  /** The pending batch has something to commit, though nothing was applied. */
  filled(): void;
  parked(actorId: string, error: Error): void;
}

/** Where a shard goes on that was just taken. */
export function newOwnership(
  options: ShardOptions,
  claim: ShardClaim,
  retrying: RetryOptions,
  ports: OwnershipPorts,
): Ownership {
  const { stage, partition, store, log, clock } = options;
  const cells = new Cells(stage, partition, store);
  // Nothing was ever committed, so the store knows nobody.
  if (claim.nextOffset === 0) cells.known.complete();
  const own: Ownership = {
    claim,
    cells,
    emitter: new Emitter(log, claim.outbox, claim.emittedOffset),
    keeper: new SnapshotKeeper(cells, store, clock, (wanted) => {
      for (const cell of wanted) own.pending.snapshots.add(cell.id);
      ports.filled();
    }),
    applier: new Applier(stage, partition, cells, {
      reload: (actorId) => retry(() => cells.reload(actorId), retrying),
      uncommitted: (actorId) =>
        [own.committing, own.pending].flatMap((batch) =>
          batch?.messagesOf(actorId, (row) => stage.replay(row)) ?? []
        ),
      parked: ports.parked,
    }),
    pending: new Batch(claim.nextOffset),
    committing: undefined,
    isRebuilding: false,
    committedOffset: claim.nextOffset,
  };
  return own;
}
