/**
 * Keeps snapshots from falling behind: after a take-over it snapshots the actors whose journal the
 * last owner left behind, and later those that have been idle and dirty for too long. What it
 * reaches is remembered as the shard's clean time: no load has to look at older rows. From then on
 * everybody whom the store knows has a snapshot, so that it can tell whom it knows.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { Store } from "../store/store.ts";
import type { Cell } from "./cell.ts";
import type { Cells } from "./cells.ts";
import type { Clock } from "./clock.ts";
import { Gate } from "./gate.ts";
import { retry, type RetryOptions } from "./retry.ts";

/** The pace of catching up: the shard's own work goes first. */
const chunkActors = 500;
const startDelayMs = 5_000;
const sweepMs = 60_000;
const idsPerPage = 10_000;
const pagePauseMs = 200;

export class SnapshotKeeper {
  readonly #committed = new Gate();
  /** Goes with the next commits; `undefined` until the last owner's journal is covered. */
  cleanAt: number | undefined;
  /** Arrival of the last record applied, milliseconds; 0 before the first. */
  appliedUntil = 0;

  constructor(
    readonly cells: Cells,
    readonly store: Store,
    readonly clock: Clock,
    /** Asks for snapshots with the next commit. */
    readonly request: (cells: readonly Cell[]) => void,
  ) {}

  /** Told after each commit. */
  committed(): void {
    this.#committed.open();
  }

  async run(options: RetryOptions): Promise<void> {
    const { signal } = options;
    if (this.cells.stage.behaviour.durability !== "journal") return;
    await this.clock.sleep(startDelayMs, signal);
    if (signal.aborted) return;
    await this.#coverPredecessor(options);
    await this.#learnKnown(options);
    while (!signal.aborted) {
      await this.clock.sleep(sweepMs, signal);
      const since = this.clock.now() - limits.snapshotMsBehindMax + 10 * sweepMs;
      const overdue = [...this.cells.values()].filter((cell) => cell.behindSince < since);
      await this.#snapshotAll(overdue, signal);
      if (!signal.aborted) this.#advance();
    }
  }

  async #coverPredecessor(options: RetryOptions): Promise<void> {
    const { stage, partition } = this.cells;
    const ids = await retry(() => this.store.behind(stage.name, partition), options);
    for (let i = 0; i < ids.length && !options.signal.aborted; i += chunkActors) {
      const chunk = ids.slice(i, i + chunkActors);
      await retry(() => this.cells.load(chunk), options);
      const behind = chunk.flatMap((id) => this.cells.peek(id) ?? []);
      await this.#snapshotAll(behind, options.signal);
    }
    if (!options.signal.aborted) this.#advance();
  }

  /** Reads the ids of all snapshots, those that were just asked for and not committed among them. */
  async #learnKnown(options: RetryOptions): Promise<void> {
    const { known, stage, partition } = this.cells;
    for (const id of this.cells.ids()) known.add(id);
    let last = "";
    while (!options.signal.aborted) {
      const ids = await retry(
        () => this.store.snapshotted(stage.name, partition, last, idsPerPage),
        options,
      );
      for (const id of ids) known.add(id);
      if (ids.length < idsPerPage) return known.complete();
      last = ids.at(-1)!;
      await this.clock.sleep(pagePauseMs, options.signal);
    }
  }

  /** A chunk goes with each commit, so that none grows without end. */
  async #snapshotAll(cells: readonly Cell[], signal: AbortSignal): Promise<void> {
    for (let i = 0; i < cells.length && !signal.aborted; i += chunkActors) {
      const behind = cells.slice(i, i + chunkActors).filter((cell) => cell.rowsBehind > 0);
      if (behind.length === 0) continue;
      this.request(behind);
      await this.#committed.wait(signal);
    }
  }

  /** What is not applied yet is not covered: the clean time stays behind the records read. */
  #advance(): void {
    if (this.appliedUntil > 0) this.cleanAt = Math.min(this.cells.behindSince, this.appliedUntil);
  }
}
