/**
 * A shard: a partition of a topic, a pure behaviour, and an atomic commit.
 *
 * Three loops share one thread and hand over to each other: **apply** reads the log and runs each
 * message through its actor, **commit** writes what was applied in one transaction while the next
 * batch is applied, **emit** publishes what was committed. A fourth fires timers, a fifth keeps
 * snapshots from falling behind. If the outcome of a commit is unknown everything is dropped and the
 * shard taken again: the store alone knows where to go on.
 *
 * @module
 */
import { InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { AskContext } from "../../actors/kernel/behaviour.ts";
import type { AsOf, CommitBatch, ShardClaim, SourcePosition } from "../store/store.ts";
import type { LogRecord } from "../log/log.ts";
import { Applier } from "./applier.ts";
import { Batch } from "./batch.ts";
import { type Cell, Cells } from "./cells.ts";
import { Emitter } from "./emitter.ts";
import { Gate } from "./gate.ts";
import { retry, type RetryOptions } from "./retry.ts";
import type { Inspection, ShardOptions, ShardReport, ShardState } from "./shard_types.ts";
import { SnapshotKeeper } from "./snapshot_keeper.ts";
import { runTogether } from "./task_group.ts";
import { runTimerFeed } from "./timer_feed.ts";

/** Passivations that one commit may snapshot. */
const passivationsPerCommitMax = 2000;

const trimEveryMs = 10_000;

/** Everything that is true of one ownership and void with it. */
interface Ownership {
  readonly claim: ShardClaim;
  readonly cells: Cells;
  readonly emitter: Emitter;
  readonly keeper: SnapshotKeeper;
  readonly applier: Applier;
  /** Applied, not yet being committed. */
  pending: Batch;
  /** Being committed. */
  committing: Batch | undefined;
  committedOffset: number;
}

/** Runs what may be left half done at a stop: waiting for a resource then ends without an error. */
async function untilStopped(stop: AbortSignal, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!stop.aborted || !(error instanceof Unavailable)) throw error;
  }
}

export class Shard {
  #own: Ownership | undefined;
  #state: ShardState = "starting";
  /** Something to commit. */
  readonly #filled = new Gate();
  /** The pending batch is at its ceiling, or was taken. */
  readonly #full = new Gate();
  readonly #taken = new Gate();
  readonly #resumed = new Gate();
  #inputEnded = false;
  #paused = false;
  #trimmedAt = 0;
  readonly #counts = { applied: 0, ignored: 0, parked: 0, commits: 0, commitMs: 0, retakes: 0 };

  constructor(readonly options: ShardOptions) {}

  /**
   * Serves the shard until `stop` aborts, then commits and publishes what is applied and returns.
   *
   * @param kill gives up at once, leaving everything to the next owner
   * @throws {Fenced} another owner has taken over
   * @throws {OffsetMissing} the log has lost what was not read yet
   */
  async run(stop: AbortSignal, kill: AbortSignal): Promise<void> {
    try {
      while (!await this.#serve(stop, kill));
    } finally {
      this.#own = undefined;
      this.#state = "stopped";
    }
  }

  /** One ownership. True when stopped in order, false when the shard must be taken again. */
  async #serve(stop: AbortSignal, kill: AbortSignal): Promise<boolean> {
    const { stage, partition, owner, store } = this.options;
    const scope = new AbortController();
    const onKill = () => scope.abort();
    kill.addEventListener("abort", onKill);
    if (kill.aborted) scope.abort();
    const giveUp = AbortSignal.any([stop, scope.signal]);
    const retrying = this.#retrying(scope.signal);
    const beforeStop = this.#retrying(giveUp);
    try {
      const claim = await retry(() => store.takeShard(stage.name, partition, owner), beforeStop);
      const own = this.#take(claim);
      this.#state = "running";
      await runTogether(scope, [
        () => this.#applyLoop(own, giveUp, retrying),
        () => this.#commitLoop(own, retrying),
        () => own.emitter.run(retrying),
        () => untilStopped(giveUp, () => runTimerFeed(stage, partition, this.options, beforeStop)),
        () => untilStopped(giveUp, () => own.keeper.run(beforeStop)),
      ]);
      return true;
    } catch (error) {
      if (giveUp.aborted && error instanceof Unavailable) return true;
      if (!(error instanceof OutcomeUnknown)) throw error;
      this.#counts.retakes++;
      this.options.events?.retaken?.(error);
      return false;
    } finally {
      scope.abort();
      kill.removeEventListener("abort", onKill);
      this.#own = undefined;
    }
  }

  #retrying(signal: AbortSignal): RetryOptions {
    return {
      clock: this.options.clock,
      signal,
      onRetry: (error) => {
        if (this.#state === "running") this.#state = "waiting";
        this.options.events?.waiting?.(error);
      },
    };
  }

  #take(claim: ShardClaim): Ownership {
    const { stage, partition, store, log, clock } = this.options;
    const cells = new Cells(stage, partition, store);
    const own: Ownership = {
      claim,
      cells,
      emitter: new Emitter(log, claim.outbox, claim.emittedOffset),
      keeper: new SnapshotKeeper(cells, store, clock, (wanted) => {
        for (const cell of wanted) own.pending.snapshots.add(cell.id);
        this.#filled.open();
      }),
      applier: new Applier(stage, partition, cells, {
        uncommitted: (actorId) =>
          [...own.committing?.applied ?? [], ...own.pending.applied]
            .filter((applied) => applied.actorId === actorId),
        parked: (actorId, error) => {
          this.#counts.parked++;
          this.options.events?.parked?.(actorId, error);
        },
      }),
      pending: new Batch(claim.nextOffset),
      committing: undefined,
      committedOffset: claim.nextOffset,
    };
    this.#inputEnded = false;
    this.#own = own;
    return own;
  }

  async #applyLoop(own: Ownership, stop: AbortSignal, retrying: RetryOptions): Promise<void> {
    const { stage, partition, log } = this.options;
    const sources: Record<string, SourcePosition> = { ...own.claim.sources };
    let position = own.claim.nextOffset;
    while (!stop.aborted) {
      if (this.#paused) await this.#resumed.wait(stop);
      if (own.pending.size >= limits.commitRowsMax) {
        this.#full.open();
        await this.#taken.wait(stop);
        continue;
      }
      let records: LogRecord[] = [];
      await untilStopped(stop, async () => {
        const fetch = () => log.fetch(stage.topic, partition, position, limits.fetchBytesMax, stop);
        records = await retry(fetch, this.#retrying(stop));
      });
      if (records.length === 0) continue;
      const decoded = records.map((record) => own.applier.decode(record));
      const wanted = new Set(decoded.flatMap((d) => d.messages.map((m) => m.actorId)));
      own.cells.expect(wanted);
      await retry(() => own.cells.load(wanted), retrying);
      if (retrying.signal.aborted) return;
      this.#state = "running";
      for (let i = 0; i < records.length; i++) {
        // `own.pending` may have been taken while a poisoned actor was rebuilt: read it anew.
        const waited = own.applier.apply(records[i]!, decoded[i]!, sources, () => own.pending);
        if (waited !== undefined) await waited;
      }
      position = records.at(-1)!.offset + 1;
      own.keeper.appliedUntil = records.at(-1)!.timestamp;
      this.#filled.open();
    }
    this.#inputEnded = true;
    this.#filled.open();
  }

  async #commitLoop(own: Ownership, retrying: RetryOptions): Promise<void> {
    const { clock, stage } = this.options;
    const { signal } = retrying;
    while (!signal.aborted) {
      if (own.pending.isEmpty) {
        if (this.#inputEnded) break;
        await this.#filled.wait(signal);
        continue;
      }
      if (!this.#inputEnded && own.pending.size < limits.commitRowsMax) {
        const early = new AbortController();
        const onFull = this.#full.wait(AbortSignal.any([signal, early.signal]));
        const slept = clock.sleep(stage.commitDelayMs, AbortSignal.any([signal, early.signal]));
        await Promise.race([slept, onFull]);
        early.abort();
      }
      await own.emitter.room(signal);
      if (signal.aborted) return;
      await this.#commit(own, retrying);
    }
    own.emitter.end();
  }

  async #commit(own: Ownership, retrying: RetryOptions): Promise<void> {
    const { stage, partition, store, clock, topics, actorBytesMax, events } = this.options;
    const batch = own.pending;
    for (const id of batch.touched) {
      const cell = own.cells.peek(id);
      if (cell === undefined) continue;
      own.cells.measure(cell);
      if (cell.rowsBehind >= limits.snapshotRowsBehindMax) batch.snapshots.add(id);
    }
    const sealed: CommitBatch = batch.seal(
      {
        stage: stage.name,
        partition,
        epoch: own.claim.epoch,
        emittedOffset: own.emitter.emittedOffset,
        cleanAt: own.keeper.cleanAt,
      },
      own.cells,
      topics,
    );
    own.pending = new Batch(batch.newOffset);
    own.committing = batch;
    this.#taken.open();
    const startedAt = clock.now();
    await retry(() => store.commit(sealed), retrying);
    own.committing = undefined;
    own.committedOffset = sealed.newOffset;
    if (sealed.outbox.length > 0) {
      own.emitter.push({ endOffset: sealed.newOffset, records: sealed.outbox });
    }
    this.#counts.commits++;
    this.#counts.commitMs += clock.now() - startedAt;
    this.#counts.applied += batch.applied.length;
    for (const part of sealed.snapshots) {
      const cell = own.cells.peek(part.actorId);
      if (cell !== undefined) cell.snapshotOffset = part.offset;
    }
    for (const id of batch.snapshots) {
      own.cells.passivateIfIdle(id, own.committedOffset, actorBytesMax);
    }
    const behind = own.cells.passivate(
      actorBytesMax,
      own.committedOffset,
      passivationsPerCommitMax,
    );
    for (const cell of behind) own.pending.snapshots.add(cell.id);
    own.keeper.committed();
    this.#trim(own);
    events?.committed?.(sealed, [...batch.touched], clock.now() - startedAt);
  }

  /** Lets the log drop what is committed, once its retention allows; now and then is enough. */
  #trim(own: Ownership): void {
    const { stage, partition, log, clock } = this.options;
    if (clock.now() - this.#trimmedAt < trimEveryMs) return;
    this.#trimmedAt = clock.now();
    // A trim that fails is made up for by the next.
    log.trim(stage.topic, partition, own.committedOffset).catch(() => {});
  }

  /**
   * Asks an actor; `undefined` when the store has never seen it.
   *
   * @throws {Unavailable} the shard is not owned right now, or the store is away
   */
  async ask(actorId: string, query: unknown, now: number, asOf?: AsOf): Promise<unknown> {
    const { stage, partition } = this.options;
    const cell = await this.#find(actorId, asOf);
    if (cell === undefined) return undefined;
    const ctx: AskContext = { actorId, now, version: `${partition}:${cell.offset}` };
    return stage.behaviour.ask(cell.state, query, ctx);
  }

  /** An actor's whole state, for operators. */
  async inspect(actorId: string, asOf?: AsOf): Promise<Inspection | undefined> {
    const live = this.#own?.cells.peek(actorId) !== undefined && asOf === undefined;
    const cell = await this.#find(actorId, asOf);
    if (cell === undefined) return undefined;
    return { cell, live, parts: this.options.stage.behaviour.describe(cell.state) };
  }

  /** The live actor, loaded if need be, or the one of the past. */
  async #find(actorId: string, asOf: AsOf | undefined): Promise<Cell | undefined> {
    const own = this.#own;
    const { stage, partition, store } = this.options;
    if (own === undefined) {
      throw new Unavailable("shard", `${stage.name}/${partition} is ${this.#state}`);
    }
    if (asOf === undefined) {
      // A loaded actor may be passivated before we look again; an unknown one was not loaded.
      while (own.cells.peek(actorId) === undefined) {
        if (await own.cells.load([actorId]) === 0) break;
      }
      const cell = own.cells.get(actorId);
      return cell === undefined || cell.offset < 0 ? undefined : cell;
    }
    if (stage.behaviour.durability !== "journal") {
      const message = `A ${stage.name} has no journal to go back in`;
      throw new InvalidInput("as_of_unsupported", message, "as_of");
    }
    const [stored] = await store.load(stage.name, partition, [actorId], asOf);
    const cell = stored === undefined ? undefined : own.cells.restore(stored);
    return cell === undefined || cell.offset < 0 ? undefined : cell;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#resumed.open();
  }

  report(): ShardReport {
    const own = this.#own;
    const { stage, partition, clock } = this.options;
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
      state: this.#paused ? "paused" : this.#state,
      ...this.#counts,
      ignored: own?.applier.ignored ?? 0,
      loaded: own?.cells.loaded ?? 0,
      passivated: own?.cells.passivated ?? 0,
      snapshotAgeMs: own === undefined ? 0 : Math.max(0, clock.now() - own.keeper.oldestBehind()),
    };
  }
}
