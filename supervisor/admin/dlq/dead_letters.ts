/**
 * The dead-letter queue as operators use it: list, look, replay, discard. It is the topic
 * `dlq.events`, read newest first; nothing is ever changed in it, what becomes of a letter is marked
 * beside it.
 *
 * @module
 */
import { type DeadLetter, type PlayerEvent, playerId } from "../../../schema/event.ts";
import { validateEvent } from "../../../schema/event_validation.ts";
import { InvalidInput, OffsetMissing } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { partitionOf } from "../../../schema/partition.ts";
import { Rejection } from "../../../schema/rejection.ts";
import { parseDateTime } from "../../../schema/rfc3339.ts";
import type { Topics } from "../../../schema/topics.ts";
import type { Log, LogRecord } from "../../log/log.ts";
import type {
  DeadLetterPage,
  DeadLetterRow,
  DeadLetterView,
  LetterFilter,
  LetterMark,
  Replay,
  ReplayMany,
  ReplayManyOptions,
} from "../admin_platform.ts";
import type { LetterMarks, LetterName } from "./letter_marks.ts";
import { holdsMask, masked } from "../mask_fields.ts";
import { replayMany } from "./replay_many.ts";

const topic = "dlq.events";
const replayTopic = "player.events.raw";

/** Never aborts: only offsets below the end are fetched, and those are there. */
const noSignal = new AbortController().signal;

/** The last moment that `Date` knows, either side of the epoch. */
const maxDateMs = 8.64e15;

/** Rounds that a page may take to be filled, where most letters were discarded. */
const roundsMax = 20;

interface Parked {
  readonly partition: number;
  readonly record: LogRecord;
}

export class DeadLetters {
  constructor(
    private readonly log: Log,
    private readonly topics: Topics,
    private readonly marks: LetterMarks,
  ) {}

  /**
   * Letters that were not discarded, newest first by the time they were parked. A page may be short
   * though there are more: `next_cursor` alone tells.
   *
   * @param cursor `next_cursor` of the page before. @default begins at the newest
   * @param limit letters a page, at least 1
   * @throws {InvalidInput} `invalid_cursor`
   */
  async list(cursor: string | undefined, limit: number): Promise<DeadLetterPage> {
    const ranges = await this.log.ends(topic);
    let below = cursor === undefined ? ranges.map(({ end }) => end) : parseCursor(cursor, ranges);
    const items: DeadLetterRow[] = [];
    for (let round = 0;; round++) {
      const page = await this.#page(below, limit - items.length);
      const marks = await this.marks.marksOf(page.letters.map(nameOf));
      for (const [i, { partition, record }] of page.letters.entries()) {
        if ((marks[i]?.discarded ?? null) === null) {
          items.push(rowOf(partition, record, letterOf(record), marks[i]));
        }
      }
      below = page.next;
      if (!page.hasMore) return { items, next_cursor: null };
      if (items.length === limit || round === roundsMax) {
        return { items, next_cursor: below.join("-") };
      }
    }
  }

  /** The newest letters below the given offsets, discarded or not. */
  async #page(below: readonly number[], limit: number) {
    // Every partition may hold the newest letters of this page, so each offers as many as it takes.
    const offers = await Promise.all(
      below.map((end, partition) => this.#before(partition, end, limit)),
    );
    const letters = offers.flat()
      .sort((a, b) => b.record.timestamp - a.record.timestamp || b.record.offset - a.record.offset)
      .slice(0, limit);
    const next = [...below];
    for (const { partition, record } of letters) {
      next[partition] = Math.min(next[partition]!, record.offset);
    }
    const hasMore = offers.flat().length > letters.length ||
      (await this.log.ends(topic)).some(({ start }, partition) => next[partition]! > start);
    return { letters, next, hasMore };
  }

  /** A letter in full; `null` when there is none of this id (any more). */
  async get(id: string): Promise<DeadLetterView | null> {
    const parked = await this.#find(id);
    if (parked === null) return null;
    const [mark] = await this.marks.marksOf([nameOf(parked)]);
    const letter = letterOf(parked.record);
    return {
      ...rowOf(parked.partition, parked.record, letter, mark),
      payload: letter.payload,
      event: letter.event ?? null,
      actor: letter.actor ?? null,
      discarded: mark?.discarded ?? null,
    };
  }

  /** Takes a letter off the list for good; again does nothing. `null` when there is none of this id. */
  async discard(id: string, call: string): Promise<DeadLetterView | null> {
    const parked = await this.#find(id);
    if (parked === null) return null;
    await this.marks.discard(nameOf(parked), call);
    const { start } = (await this.log.ends(topic))[parked.partition]!;
    await this.marks.forget(parked.partition, start);
    return await this.get(id);
  }

  /** Replays all letters that a filter chooses, the oldest first; see {@link replayMany}. */
  replayMany(filter: LetterFilter, options: ReplayManyOptions, call: string): Promise<ReplayMany> {
    const { log, topics, marks } = this;
    return replayMany({ log, topics, marks }, filter, options, call);
  }

  /**
   * Appends the letter's event, or `edited` in its stead, to the raw topic. Its `event_id` stays, so
   * a second replay of what was applied counts nothing twice.
   *
   * @param call names who did it
   * @param edited as a client would send it (`timestamp` RFC 3339) or as the letter shows it (ms)
   * @throws {InvalidInput} `discarded`, `not_replayable`, or the code by which the edited event is wrong
   * @throws {Unavailable} nothing was appended, or only the mark is missing: call it again
   * @throws {OutcomeUnknown} it may have been appended
   */
  async replay(id: string, call: string, edited?: unknown): Promise<Replay | null> {
    const parked = await this.#find(id);
    if (parked === null) return null;
    const [mark] = await this.marks.marksOf([nameOf(parked)]);
    if (mark !== undefined && mark.discarded !== null) {
      const { at, call: by } = mark.discarded;
      throw new InvalidInput("discarded", `Cannot replay ${id}: call ${by} discarded it at ${at}`);
    }
    const letter = letterOf(parked.record);
    const event = edited === undefined
      ? letter.event
      : editedEvent(edited, letter, parked.record.timestamp);
    if (event === undefined) {
      throw new InvalidInput(
        "not_replayable",
        `Cannot replay ${id} as it holds no event, only text that was rejected: send a mended event in the body`,
      );
    }
    const key = playerId(event);
    const partition = partitionOf(key, this.topics[replayTopic].partitions);
    await this.log.append(replayTopic, [{ partition, key, value: JSON.stringify(event) }]);
    await this.marks.replayed([nameOf(parked)], call);
    return { id, event_id: event.event_id, topic: replayTopic, partition };
  }

  /** The last `limit` letters of a partition below offset `end`, oldest first. */
  async #before(partition: number, end: number, limit: number): Promise<Parked[]> {
    const { start } = (await this.log.ends(topic))[partition]!;
    const found: Parked[] = [];
    let offset = Math.max(start, end - limit);
    while (offset < end) {
      const records = await this.log.fetch(
        topic,
        partition,
        offset,
        limits.fetchBytesMax,
        noSignal,
      );
      for (const record of records) {
        if (record.offset < end) found.push({ partition, record });
      }
      offset = records.at(-1)!.offset + 1;
    }
    return found;
  }

  async #find(id: string): Promise<Parked | null> {
    const match = /^(\d{1,9}):(\d{1,15})$/.exec(id);
    const [partition, offset] = [Number(match?.[1] ?? -1), Number(match?.[2] ?? -1)];
    const range = (await this.log.ends(topic))[partition];
    if (range === undefined || offset < range.start || offset >= range.end) return null;
    try {
      const [record] = await this.log.fetch(topic, partition, offset, 1, noSignal);
      return { partition, record: record! };
    } catch (error) {
      // Retention may have dropped it since the range was read.
      if (error instanceof OffsetMissing) return null;
      throw error;
    }
  }
}

/** A cursor is the offset below which each partition goes on: `12-0-7`. */
function parseCursor(cursor: string, ranges: readonly { readonly end: number }[]): number[] {
  const below = /^\d{1,15}(-\d{1,15})*$/.test(cursor) ? cursor.split("-").map(Number) : [];
  if (below.length === ranges.length && below.every((offset, p) => offset <= ranges[p]!.end)) {
    return below;
  }
  throw new InvalidInput(
    "invalid_cursor",
    "Cannot go on from this cursor: send the next_cursor of a page as it was",
    "cursor",
  );
}

function letterOf(record: LogRecord): DeadLetter {
  return JSON.parse(record.value) as DeadLetter;
}

function nameOf({ partition, record: { offset, timestamp } }: Parked): LetterName {
  return { partition, offset, parkedAt: timestamp };
}

function rowOf(
  partition: number,
  record: LogRecord,
  letter: DeadLetter,
  mark: LetterMark | undefined,
): DeadLetterRow {
  return {
    id: `${partition}:${record.offset}`,
    parked_at: new Date(record.timestamp).toISOString(),
    studio: letter.studio,
    source: letter.source,
    code: letter.code,
    message: letter.message,
    path: letter.path ?? null,
    actor_id: letter.actor?.id ?? null,
    event_type: letter.event?.event_type ?? null,
    replayable: letter.event !== undefined,
    replayed: mark?.replayed ?? null,
  };
}

/** The edited event, held to the rules of the gateway but for its age: it may have waited for days. */
function editedEvent(edited: unknown, letter: DeadLetter, parkedAt: number): PlayerEvent {
  const raw = isRecord(edited) ? { ...edited } : {};
  if (holdsMask(raw)) {
    throw new InvalidInput(
      "redacted_value",
      `Cannot replay a masked event: a value is '${masked}'. Ask for the letter with reveal=true`,
    );
  }
  if (raw.studio !== undefined && raw.studio !== letter.studio) {
    throw new InvalidInput(
      "invalid_field",
      `studio must stay ${JSON.stringify(letter.studio)}: a replay does not cross studios`,
      "studio",
    );
  }
  if (typeof raw.timestamp === "number" && Math.abs(raw.timestamp) <= maxDateMs) {
    raw.timestamp = new Date(raw.timestamp).toISOString();
  }
  const eventTime = typeof raw.timestamp === "string" ? parseDateTime(raw.timestamp) : NaN;
  const event = validateEvent(isRecord(edited) ? raw : edited, {
    studio: letter.studio,
    games: "*",
    now: Number.isNaN(eventTime) ? parkedAt : eventTime,
    newId: () => crypto.randomUUID(),
  });
  if (event instanceof Rejection) throw new InvalidInput(event.code, event.message, event.path);
  return event;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
