/**
 * Handing a shard over: its owner leaves every actor snapshotted and says when it let go, and the
 * next one holds the shard's hash against the rows it finds. Every actor is checked once more, by its
 * checksum, when it is loaded.
 *
 * @module
 */
import { PlatformError } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { aborted } from "./clock.ts";
import { batchOwnerOf, type Ownership } from "./ownership.ts";
import { retry, type RetryOptions } from "./retry.ts";
import type { ShardOptions } from "./shard_types.ts";

/** Snapshots that one of the last commits carries. */
const snapshotsPerCommitMax = 2000;

/** Verifying reads all snapshots of the shard: whoever waits for actors goes first. */
const verifyDelayMs = 10_000;

/**
 * Puts actors with a journal behind their snapshot into the next commit, so that the next owner need
 * not replay it. What is not reached in time is replayed by the next owner, as after a crash.
 *
 * @returns whether there are any
 */
export function wantSnapshots(own: Ownership, { stage, clock }: ShardOptions): boolean {
  if (stage.behaviour.durability !== "journal") return false;
  own.releaseUntil ??= clock.now() + limits.releaseSnapshotMsMax;
  if (clock.now() >= own.releaseUntil) return false;
  for (const cell of own.cells.values()) {
    if (cell.rowsBehind === 0) continue;
    own.pending.snapshots.add(cell.id);
    if (own.pending.snapshots.size === snapshotsPerCommitMax) break;
  }
  return own.pending.snapshots.size > 0;
}

/** Keeps whether commits fail: nothing is applied meanwhile. */
function noting(own: Ownership, retrying: RetryOptions): RetryOptions {
  return {
    ...retrying,
    onRetry(error, failures) {
      own.isStoreAway = true;
      retrying.onRetry?.(error, failures);
    },
    onSettled() {
      own.isStoreAway = false;
      retrying.onSettled?.();
    },
  };
}

/** Commits for as long as it takes; but snapshots at the end are a courtesy, tried once. */
export function persist(
  own: Ownership,
  commit: () => Promise<void>,
  retrying: RetryOptions,
): Promise<void> {
  const stored = own.releaseUntil === undefined ? retry(commit, noting(own, retrying)) : commit();
  const span = own.committing?.span;
  return span === undefined ? stored : span.during(stored);
}

/**
 * Lets go of the shard in order, once all is committed and published; a courtesy that may fail, and
 * that `kill` does not wait for.
 */
export async function release(
  own: Ownership,
  options: ShardOptions,
  kill: AbortSignal,
): Promise<void> {
  if (kill.aborted) return;
  await Promise.race([commitRelease(own, options), aborted(kill)]);
}

async function commitRelease(own: Ownership, options: ShardOptions): Promise<void> {
  const { store, topics } = options;
  try {
    await store.commit({
      ...own.pending.seal(batchOwnerOf(own), own.cells, topics),
      release: true,
    });
  } catch (error) {
    // The next owner takes it by force.
    if (!(error instanceof PlatformError)) throw error;
  }
}

/** Compares the shard's hash with the sum over its rows, once; a difference is reported once. */
export async function verifyHash(options: ShardOptions, retrying: RetryOptions): Promise<void> {
  const { stage, partition, store, clock, events } = options;
  await clock.sleep(verifyDelayMs, retrying.signal);
  if (retrying.signal.aborted) return;
  const hash = await retry(() => store.shardHash(stage.name, partition), retrying);
  events?.verified?.(hash);
  if (hash.recorded === hash.summed) return;
  await retry(() => store.resetShardHash(stage.name, partition), retrying);
}
