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
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { AskContext } from "../../actors/kernel/behaviour.ts";
import type { AsOf, CommitBatch, HaltMark, ShardClaim, SourcePosition } from "../store/store.ts";
import type { LogRecord } from "../log/log.ts";
import { LoopShare } from "../thread/loop_share.ts";
import { Batch } from "./batch.ts";
import { Gate } from "./gate.ts";
import { persist, release, verifyHash, wantSnapshots } from "./hand_off.ts";
import { batchOwnerOf, newOwnership, type Ownership, reportOf } from "./ownership.ts";
import { findActor, inspectionOf, passivateActor, restartActor } from "./restore/operate.ts";
import { Troubles } from "./restore/troubles.ts";
import { retry, type RetryOptions, untilStopped } from "./retry.ts";
import type { Inspection, ShardOptions, ShardReport, ShardState } from "./shard_types.ts";
import { runTogether } from "./task_group.ts";
import { runFeeds } from "./timer_feed.ts";

/** Passivations that one commit may snapshot. */
const passivationsPerCommitMax = 8000;

/** Above this share of its budget a shard applies nothing more until a commit lets it passivate. */
const overBudgetMax = 1.5;

const trimEveryMs = 10_000;
/** How often applying looks at the clock. */
const recordsPerLook = 32;

export class Shard {
  #own: Ownership | undefined;
  #state: ShardState = "starting";
  /** Something to commit. */
  readonly #filled = new Gate();
  /** The pending batch is at its ceiling, or was taken. */
  readonly #full = new Gate();
  readonly #taken = new Gate();
  readonly #committed = new Gate();
  readonly #rebuilt = new Gate();
  readonly #resumed = new Gate();
  readonly #gates = { committed: this.#committed, rebuilt: this.#rebuilt, filled: this.#filled };
  readonly #troubles = new Troubles();
  #inputEnded = false;
  #paused = false;
  /** The epoch of the last ownership: after an unknown outcome only this one is taken again. */
  #heldEpoch: number | undefined;
  /** Calls that failed and are being tried again. */
  #waits = 0;
  #trimmedAt = 0;
  readonly #counts = {
    applied: 0,
    ignored: 0,
    parked: 0,
    commits: 0,
    commitMs: 0,
    retakes: 0,
    loaded: 0,
    passivated: 0,
  };

  readonly #loop: LoopShare;
  constructor(readonly options: ShardOptions) {
    this.#loop = options.loop ?? LoopShare.by(options.clock);
  }

  /**
   * Serves the shard until `stop` aborts, then commits and publishes what is applied and returns.
   *
   * @param kill gives up at once, leaving everything to the next owner
   * @throws {Fenced} another owner has taken over
   * @throws {OffsetMissing} the log has lost what was not read yet
   */
  async run(stop: AbortSignal, kill: AbortSignal): Promise<void> {
    this.#heldEpoch = undefined;
    try {
      while (!await this.#serve(stop, kill));
    } finally {
      this.#state = "stopped";
    }
  }

  /** One ownership. True when stopped in order, false when the shard must be taken again. */
  async #serve(stop: AbortSignal, kill: AbortSignal): Promise<boolean> {
    const { stage, partition, owner, lease, store, clock } = this.options;
    this.#state = "starting";
    const scope = new AbortController();
    const onKill = () => scope.abort();
    kill.addEventListener("abort", onKill);
    if (kill.aborted) scope.abort();
    const giveUp = AbortSignal.any([stop, scope.signal]);
    const retrying = this.#retrying(scope.signal);
    const beforeStop = this.#retrying(giveUp);
    try {
      const take = () => store.takeShard(stage.name, partition, owner, this.#heldEpoch, lease);
      const claim = await retry(take, beforeStop);
      this.#heldEpoch = claim.epoch;
      const own = this.#take(claim, retrying);
      this.options.events?.taken?.(
        claim.releasedAt === null ? undefined : Math.max(0, clock.now() - claim.releasedAt),
      );
      this.#state = "running";
      await runTogether(scope, [
        () => this.#applyLoop(own, giveUp, retrying),
        () => this.#commitLoop(own, retrying),
        () => own.emitter.run(retrying),
        () => untilStopped(giveUp, () => runFeeds(own, this.options, beforeStop)),
        () => untilStopped(giveUp, () => own.keeper.run(beforeStop)),
        () => untilStopped(giveUp, () => verifyHash(this.options, beforeStop)),
      ]);
      await release(own, this.options, kill);
      return true;
    } catch (error) {
      // Not `giveUp`: that one is aborted by every failure.
      if ((stop.aborted || kill.aborted) && error instanceof Unavailable) return true;
      if (!(error instanceof OutcomeUnknown)) throw error;
      this.#counts.retakes++;
      this.options.events?.retaken?.(error);
      await clock.sleep(limits.retryDelayMsMin, AbortSignal.any([stop, kill]));
      return false;
    } finally {
      scope.abort();
      kill.removeEventListener("abort", onKill);
      this.#leave();
    }
  }

  /** Keeps the counters of an ownership that is over. */
  #leave(): void {
    if (this.#own === undefined) return;
    const { applier, cells } = this.#own;
    this.#counts.ignored += applier.ignored;
    this.#counts.loaded += cells.loaded;
    this.#counts.passivated += cells.passivated;
    this.#own = undefined;
  }

  #retrying(signal: AbortSignal): RetryOptions {
    return {
      clock: this.options.clock,
      signal,
      onRetry: (error, failures) => {
        if (failures === 1) this.#waits++;
        this.options.events?.waiting?.(error);
      },
      onSettled: () => this.#waits--,
    };
  }

  #take(claim: ShardClaim, retrying: RetryOptions): Ownership {
    const own = newOwnership(this.options, claim, retrying, {
      troubles: this.#troubles,
      filled: () => this.#filled.open(),
      parked: (actorId, error) => {
        this.#counts.parked++;
        this.options.events?.parked?.(actorId, error);
      },
    });
    this.#inputEnded = false;
    this.#own = own;
    return own;
  }

  async #applyLoop(own: Ownership, stop: AbortSignal, retrying: RetryOptions): Promise<void> {
    const { stage, partition, log, clock } = this.options;
    const sources: Record<string, SourcePosition> = { ...own.claim.sources };
    let position = own.claim.nextOffset;
    while (!stop.aborted) {
      await this.#whileFull(own, stop);
      const isBusy = own.committing !== undefined || !own.pending.isEmpty;
      if (isBusy && own.cells.bytes > this.options.actorBytesMax * overBudgetMax) {
        await this.#committed.wait(stop);
        continue;
      }
      let records: LogRecord[] = [];
      while (this.#loop.isSpent && !stop.aborted) await this.#loop.next();
      await untilStopped(stop, async () => {
        const fetch = () => log.fetch(stage.topic, partition, position, limits.fetchBytesMax, stop);
        records = await retry(fetch, this.#retrying(stop));
      });
      // A pause holds back what was fetched, too.
      while (this.#paused && !stop.aborted) await this.#resumed.wait(stop);
      if (records.length === 0 || stop.aborted) continue;
      const apply = () => this.#applyRecords(own, records, sources, stop, retrying);
      if (!await own.turns.take(apply)) return;
      position = records.at(-1)!.offset + 1;
      own.keeper.appliedUntil = records.at(-1)!.timestamp;
      this.#filled.open();
      // At our own pace: a fetch costs the same for one record as for hundreds.
      if (records.length < limits.fetchRecordsLow) await clock.sleep(limits.fetchPauseMs, stop);
    }
    this.#inputEnded = true;
    this.#filled.open();
    // Nothing more to wait for.
    this.#full.open();
  }

  /** @returns false when it is over before all were applied */
  async #applyRecords(
    own: Ownership,
    records: readonly LogRecord[],
    sources: Record<string, SourcePosition>,
    stop: AbortSignal,
    retrying: RetryOptions,
  ): Promise<boolean> {
    const opened = own.applier.open(records);
    own.cells.expect(opened.addressees);
    await retry(() => own.cells.load(opened.addressees), retrying);
    if (retrying.signal.aborted) return false;
    for (let i = 0; i < records.length; i++) {
      while (i % recordsPerLook === 0 && this.#loop.isSpent) {
        await this.#loop.next();
        if (retrying.signal.aborted) return false;
      }
      const rebuilt = own.applier.apply(records[i]!, opened.at(i), sources, own.pending);
      if (rebuilt === undefined) continue;
      own.isRebuilding = true;
      await rebuilt;
      own.isRebuilding = false;
      this.#rebuilt.open();
      // A poison bundle is much larger than its event.
      await this.#whileFull(own, stop);
    }
    return true;
  }

  /** Waits while what was applied is too much, or could only wait for a store that is away. */
  async #whileFull(own: Ownership, stop: AbortSignal): Promise<void> {
    while ((own.pending.isFull || own.isStoreAway) && !stop.aborted) {
      this.#filled.open();
      this.#full.open();
      await (own.isStoreAway ? this.#committed : this.#taken).wait(stop);
    }
  }

  async #commitLoop(own: Ownership, retrying: RetryOptions): Promise<void> {
    const { clock, stage } = this.options;
    const { signal } = retrying;
    while (!signal.aborted) {
      if (own.pending.isEmpty) {
        if (this.#inputEnded && !wantSnapshots(own, this.options)) break;
        if (this.#inputEnded) continue;
        await this.#filled.wait(signal);
        continue;
      }
      if (!this.#inputEnded && !own.pending.isFull) {
        const early = new AbortController();
        const over = AbortSignal.any([signal, early.signal]);
        await Promise.race([clock.sleep(stage.commitDelayMs, over), this.#full.wait(over)]);
        early.abort();
      }
      await own.emitter.room(signal);
      while (this.#loop.isSpent && !signal.aborted) await this.#loop.next();
      while (own.isRebuilding && !signal.aborted) await this.#rebuilt.wait(signal);
      if (signal.aborted) return;
      await this.#commit(own, retrying);
    }
    own.emitter.end();
  }

  async #commit(own: Ownership, retrying: RetryOptions): Promise<void> {
    const { store, clock, topics, actorBytesMax, events } = this.options;
    const batch = own.pending;
    for (const id of batch.touched) {
      const cell = own.cells.peek(id);
      if (cell === undefined) continue;
      own.cells.touched(cell);
      if (cell.rowsBehind >= limits.snapshotRowsBehindMax) batch.snapshots.add(id);
    }
    const sealed: CommitBatch = batch.seal(batchOwnerOf(own), own.cells, topics);
    own.pending = new Batch(batch.newOffset);
    own.committing = batch;
    this.#taken.open();
    const startedAt = clock.now();
    await persist(own, () => store.commit(sealed), retrying);
    own.committing = undefined;
    own.committedOffset = sealed.newOffset;
    if (sealed.outbox.length > 0) {
      own.emitter.push({ endOffset: sealed.newOffset, records: sealed.outbox });
    }
    this.#counts.commits++;
    // The clock can have been set back meanwhile.
    const tookMs = Math.max(0, clock.now() - startedAt);
    this.#counts.commitMs += tookMs;
    this.#counts.applied += batch.messages;
    for (const part of sealed.snapshots) {
      const cell = own.cells.peek(part.actorId);
      if (cell !== undefined) cell.snapshotOffset = part.offset;
    }
    for (const id of batch.snapshots) {
      own.cells.passivateIfIdle(id, own.committedOffset, actorBytesMax);
    }
    this.#shrink(own);
    own.keeper.committed();
    this.#committed.open();
    this.#trim(own);
    events?.committed?.(sealed, [...batch.touched], tookMs);
  }

  /** Brings the live actors back within their budget; some only after the next commit. */
  #shrink({ cells, committedOffset, pending }: Ownership): void {
    const { actorBytesMax } = this.options;
    const behind = cells.passivate(actorBytesMax, committedOffset, passivationsPerCommitMax);
    for (const cell of behind) pending.snapshots.add(cell.id);
    if (behind.length > 0) this.#filled.open();
  }

  /** Lets the log drop what is committed, once its retention allows; now and then is enough. */
  #trim(own: Ownership): void {
    const { stage, partition, log, clock } = this.options;
    // However far the clock was set back: the log would grow until it is as late again.
    if (Math.abs(clock.now() - this.#trimmedAt) < trimEveryMs) return;
    this.#trimmedAt = clock.now();
    // A trim that fails is made up for by the next.
    log.trim(stage.topic, partition, own.committedOffset).catch(() => {});
  }

  /**
   * Asks an actor; `undefined` when the store has never seen it.
   *
   * @throws {Unavailable} the shard is not owned right now, or the store is away
   * @throws {ActorHalted} it stands still until it is restarted
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
    return cell && inspectionOf(this.options.stage, cell, live, this.#troubles.parkedOf(actorId));
  }

  /** What its live actors take. */
  get actorBytes(): number {
    return this.#own?.cells.bytes ?? 0;
  }

  /** @throws {Unavailable} the shard is not owned right now */
  get owned(): Ownership {
    if (this.#own !== undefined) return this.#own;
    const { stage, partition } = this.options;
    throw new Unavailable("shard", `${stage.name}/${partition} is ${this.#state}`);
  }

  async #find(actorId: string, asOf: AsOf | undefined) {
    const own = this.owned;
    // Reading alone loads actors, too.
    return await findActor(own, actorId, asOf).finally(() => this.#shrink(own));
  }

  /** Loads an actor anew. False when it is neither live nor halted, or halts again. */
  async restartActor(id: string): Promise<boolean> {
    return await restartActor(this.owned, id, this.#gates);
  }

  /** Snapshots an actor and drops it once it is idle. False when it is not live, or busy for long. */
  async passivateActor(actorId: string): Promise<boolean> {
    return await passivateActor(this.owned, this.options, actorId, this.#gates);
  }

  /** Actors that stand still until they are restarted. */
  halted(): readonly HaltMark[] {
    return this.#troubles.halted();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#resumed.open();
  }

  get #stateNow(): ShardState {
    if (this.#paused && this.#state === "running") return "paused";
    return this.#waits > 0 && this.#state === "running" ? "waiting" : this.#state;
  }

  report(): ShardReport {
    const halted = this.#troubles.haltedCount;
    return reportOf(this.options, this.#own, { ...this.#counts, halted, state: this.#stateNow });
  }
}
