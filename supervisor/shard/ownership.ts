/**
 * One ownership of a shard: everything that is true from one taking of it to the next, and void
 * with it.
 *
 * @module
 */
import type { ShardClaim } from "../store/store.ts";
import { Applier } from "./applier.ts";
import { Batch, type BatchOwner } from "./batch.ts";
import { Cells } from "./cells.ts";
import { Emitter } from "./emitter.ts";
import { Turns } from "./restore/turns.ts";
import type { Troubles } from "./restore/troubles.ts";
import { retry, type RetryOptions } from "./retry.ts";
import type { ShardOptions, ShardReport, ShardTotals } from "./shard_types.ts";
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
  /** A commit has failed and is being tried again. */
  isStoreAway: boolean;
  committedOffset: number;
  /** Aborted when it is over. */
  readonly signal: AbortSignal;
  /** Whoever changes actors waits for it: a fetch, or an operator. */
  readonly turns: Turns;
  /** Once it stops: until when it goes on writing snapshots, milliseconds. */
  releaseUntil?: number;
}

export interface OwnershipPorts {
  /** The pending batch has something to commit, though nothing was applied. */
  filled(): void;
  parked(actorId: string, error: Error): void;
  /** Outlives the ownership. */
  readonly troubles: Troubles;
}

/** Where a shard goes on that was just taken. */
export function newOwnership(
  options: ShardOptions,
  claim: ShardClaim,
  retrying: RetryOptions,
  ports: OwnershipPorts,
): Ownership {
  const { stage, partition, store, log, clock, events } = options;
  ports.troubles.begin(claim.halted);
  const cells = new Cells(stage, partition, store, {
    troubles: ports.troubles,
    now: () => clock.now(),
    rebuilt(actorId, reason) {
      own.pending.snapshots.add(actorId);
      ports.filled();
      events?.rebuilt?.(actorId, reason);
    },
    halted(actorId, reason) {
      own.pending.halts.set(actorId, ports.troubles.markOf(actorId)!);
      ports.filled();
      events?.halted?.(actorId, reason);
    },
  });
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
        [own.committing, own.pending].flatMap((batch) => batch?.messagesOf(actorId, stage) ?? []),
      parked: ports.parked,
    }),
    pending: new Batch(claim.nextOffset),
    committing: undefined,
    isRebuilding: false,
    isStoreAway: false,
    committedOffset: claim.nextOffset,
    signal: retrying.signal,
    turns: new Turns(),
  };
  own.applier.isWatching = claim.hasWatches;
  return own;
}

/** Who commits now, and how far it has got besides. */
export function batchOwnerOf({ claim, cells, emitter, keeper }: Ownership): BatchOwner {
  return {
    stage: cells.stage.name,
    partition: cells.partition,
    epoch: claim.epoch,
    emittedOffset: emitter.emittedOffset,
    cleanAt: keeper.cleanAt,
  };
}

/** @param totals those of the ownerships before this one are in it */
export function reportOf(
  { stage, partition, clock }: ShardOptions,
  own: Ownership | undefined,
  totals: ShardTotals,
): ShardReport {
  const now = clock.now();
  return {
    stage: stage.name,
    partition,
    epoch: own?.claim.epoch ?? 0,
    nextOffset: own?.committedOffset ?? 0,
    appliedOffset: own?.pending.newOffset ?? 0,
    actors: own?.cells.size ?? 0,
    actorBytes: own?.cells.bytes ?? 0,
    mailbox: (own?.pending.size ?? 0) + (own?.committing?.size ?? 0),
    emitting: own?.emitter.waiting ?? 0,
    ...totals,
    ignored: totals.ignored + (own?.applier.ignored ?? 0),
    loaded: totals.loaded + (own?.cells.loaded ?? 0),
    passivated: totals.passivated + (own?.cells.passivated ?? 0),
    snapshotAgeMs: now - Math.min(own?.cells.behindSince ?? Infinity, now),
  };
}
