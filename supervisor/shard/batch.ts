/**
 * What a shard has applied and not committed yet. It becomes one commit.
 *
 * @module
 */
import type { Effect } from "../../actors/kernel/behaviour.ts";
import { DeltaFold, type GameDeltaRecord } from "../../actors/game/game_deltas.ts";
import type { DeadLetter } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import { partitionOf } from "../../schema/partition.ts";
import type { Topics } from "../../schema/topics.ts";
import type { LogRecord } from "../log/log.ts";
import { BatchTraces, withTrace } from "../observability/batch_traces.ts";
import type { OpenSpan } from "../observability/trace.ts";
import type {
  AliasChange,
  CommitBatch,
  HaltMark,
  JournalRow,
  OutboxRecord,
  SnapshotPart,
  SourcePosition,
  TimerChange,
  WatchChange,
} from "../store/store.ts";
import type { Cells } from "./cells.ts";
import type { Stage } from "./stage.ts";
import { SentEvents } from "./effects/sent_events.ts";

/** A message that was applied and is not committed, to rebuild its actor if it must be. */
export interface AppliedMessage {
  readonly actorId: string;
  readonly message: unknown;
  readonly offset: number;
  readonly now: number;
}

/** What one was read from. */
export interface AppliedRecord {
  readonly actorId: string;
  readonly record: LogRecord;
}

/** Who commits: the fields of {@link CommitBatch} that the batch itself does not know. */
export type BatchOwner = Pick<CommitBatch, "stage" | "partition" | "epoch" | "emittedOffset"> & {
  readonly cleanAt: number | undefined;
};

export class Batch {
  readonly rows: JournalRow[] = [];
  /** Of snapshot-durable actors; those of journal-durable ones are their rows. */
  applied: AppliedRecord[] = [];
  /** Ids, not cells: a rebuilt actor has a new cell. */
  readonly touched = new Set<string>();
  /** Actors whose snapshot goes along, because they are too far behind or are to be passivated. */
  readonly snapshots = new Set<string>();
  /** Of actors that are gone already. */
  readonly lastSnapshots: SnapshotPart[] = [];
  readonly sources: Record<string, SourcePosition> = {};
  /** Actors that were halted, or have more letters than before; `null`: released. */
  readonly halts = new Map<string, HaltMark | null>();
  readonly #timers = new Map<string, TimerChange>();
  readonly #watches = new Map<string, WatchChange>();
  readonly #aliases = new Map<string, AliasChange>();
  readonly #sent = new SentEvents();
  readonly #fold = new DeltaFold();
  /** Codes of what was asked for and refused; each is a dead letter, too. */
  readonly #refused: string[] = [];
  readonly #letters: { readonly key: string; readonly value: string }[] = [];
  /** Text of the records and dead letters that it holds, in UTF-16 units. */
  #bytes = 0;
  /** What of it is traced; `undefined` when nothing is. */
  traces: BatchTraces | undefined;
  /** Of its commit, when it is traced; begun by {@link seal}. */
  span: OpenSpan | undefined;
  newOffset: number;
  /** Arrival of the newest record, milliseconds. */
  newestAt = 0;

  constructor(readonly oldOffset: number) {
    this.newOffset = oldOffset;
  }

  /** Nothing to commit. */
  get isEmpty(): boolean {
    return this.newOffset === this.oldOffset && this.snapshots.size === 0 && this.halts.size === 0;
  }

  /** How many messages, sent ones among them, and dead letters it holds. */
  get size(): number {
    return this.messages + this.#letters.length + this.#sent.size;
  }

  /** How many messages that changed an actor it holds. */
  get messages(): number {
    return this.rows.length + this.applied.length;
  }

  /**
   * The messages of an actor, in order. They are parsed anew: kept until the commit, they would outlive
   * the young heap, and nearly none is ever asked for.
   */
  messagesOf(actorId: string, stage: Pick<Stage, "decode" | "replay">): AppliedMessage[] {
    const rows = this.rows.filter((row) => row.actorId === actorId).map((row) => ({
      actorId,
      message: stage.replay(row),
      offset: row.offset,
      now: row.receivedAt,
    }));
    const applied = this.applied.filter((applied) => applied.actorId === actorId);
    return [...rows, ...applied.flatMap((applied) => messageOf(applied, stage))];
  }

  /** Takes out what a snapshot-durable actor was given, as nothing will tell of it. */
  takeApplied(actorId: string, stage: Pick<Stage, "decode">): AppliedMessage[] {
    const taken = this.applied.filter((applied) => applied.actorId === actorId);
    this.applied = this.applied.filter((applied) => applied.actorId !== actorId);
    return taken.flatMap((applied) => messageOf(applied, stage));
  }

  /** At its ceiling: nothing more is applied before it is taken. */
  get isFull(): boolean {
    return this.size >= limits.commitRowsMax || this.#bytes >= limits.commitBytesMax;
  }

  /** Takes a record in whole, once its messages are applied or parked. */
  finish({ offset, timestamp, value, trace }: LogRecord): void {
    if (trace !== undefined) (this.traces ??= new BatchTraces()).add(trace);
    this.newOffset = offset + 1;
    this.newestAt = Math.max(this.newestAt, timestamp);
    this.#bytes += value.length;
  }

  /** @param offset of the message that had them @param at its arrival, milliseconds */
  addEffects(actorId: string, effects: readonly Effect[], offset: number, at = 0): void {
    for (const effect of effects) {
      if (effect.type === "delta") this.#fold.addDelta(effect);
      else if (effect.type === "score") this.#fold.addScore(effect);
      else if (effect.type === "timer") {
        const { name, dueAt } = effect;
        this.#timers.set(`${actorId}\n${name}`, { actorId, name, dueAt });
      } else this.#addRare(actorId, effect, offset, at);
    }
  }

  #addRare(
    actorId: string,
    effect: Exclude<Effect, { type: "delta" | "score" | "timer" }>,
    offset: number,
    at: number,
  ): void {
    switch (effect.type) {
      case "unscore":
        return this.#fold.addUnscore(effect);
      case "send":
        this.#bytes += this.#sent.add(effect, offset, at);
        return;
      case "alias": {
        const { type: _, ...change } = effect;
        this.#aliases.set(`${change.studio}/${change.aliasId}`, { ...change, at });
        return;
      }
      case "refusal": {
        const { code, message, payload } = effect;
        const studio = actorId.slice(0, actorId.indexOf("/"));
        this.#refused.push(code);
        // Only players are asked for anything.
        const letter = {
          studio,
          source: "player",
          code,
          message,
          payload: JSON.stringify(payload),
        };
        return this.park(actorId, letter);
      }
      default: {
        const { type, kind, actorId: watchedId } = effect;
        const change = { actorId, kind, watchedId, offset: type === "watch" ? offset : null };
        this.#watches.set(JSON.stringify([actorId, kind, watchedId]), change);
      }
    }
  }

  /** Somebody watches, or no longer. */
  get hasWatches(): boolean {
    return this.#watches.size > 0;
  }

  /** Parks input that cannot be applied; it leaves through the outbox. */
  park(key: string, letter: DeadLetter): void {
    const value = JSON.stringify(letter);
    this.#letters.push({ key, value });
    this.#bytes += value.length;
  }

  get parked(): number {
    return this.#letters.length;
  }

  /** The commit. Snapshots are taken here and now, so nothing may be applied in between. */
  seal(owner: BatchOwner, cells: Cells, topics: Topics): CommitBatch {
    const withSnapshot = cells.stage.behaviour.durability === "snapshot"
      ? this.touched
      : this.snapshots;
    const { cleanAt, ...rest } = owner;
    const live = [...withSnapshot].flatMap((id) => {
      const cell = cells.peek(id);
      return cell === undefined ? [] : cells.snapshot(cell);
    });
    const { stage, partition } = owner;
    this.span = this.traces?.seal({ stage, topic: cells.stage.topic, partition }, this.size);
    return withTrace({
      ...rest,
      ...(cleanAt === undefined ? {} : { cleanAt }),
      oldOffset: this.oldOffset,
      newOffset: this.newOffset,
      rows: this.rows,
      snapshots: [...this.lastSnapshots, ...live],
      hashChange: cells.hashChange.take(),
      outbox: this.#outbox(`${owner.stage}/${owner.partition}`, topics),
      timers: [...this.#timers.values()],
      ...(this.halts.size === 0 ? {} : { halts: this.halts }),
      ...(this.hasWatches ? { watches: [...this.#watches.values()] } : {}),
      ...(this.#aliases.size === 0 ? {} : { aliases: [...this.#aliases.values()] }),
      ...(this.#refused.length === 0 ? {} : { refusals: this.#refused }),
      sources: this.sources,
    }, this.span);
  }

  #outbox(source: string, topics: Topics): OutboxRecord[] {
    const records: OutboxRecord[] = [];
    const { partitions } = topics["game.deltas"];
    const folded = this.#fold.byPartition((game) => partitionOf(game, partitions));
    for (const [partition, games] of folded) {
      const record: GameDeltaRecord = {
        source,
        position: [this.newOffset, records.length],
        at: this.newestAt,
        games,
      };
      records.push({
        topic: "game.deltas",
        partition,
        key: source,
        value: JSON.stringify(record),
      });
    }
    records.push(...this.#sent.records(source, topics));
    for (const { key, value } of this.#letters) {
      const partition = partitionOf(key, topics["dlq.events"].partitions);
      records.push({ topic: "dlq.events", partition, key, value });
    }
    return records;
  }
}

function messageOf({ actorId, record }: AppliedRecord, stage: Pick<Stage, "decode">) {
  const { offset, timestamp } = record;
  return stage.decode(record).messages.filter((addressed) => addressed.actorId === actorId)
    .map(({ message }): AppliedMessage => ({ actorId, message, offset, now: timestamp }));
}
