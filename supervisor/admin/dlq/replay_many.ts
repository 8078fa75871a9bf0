/**
 * Replays many dead letters with one call: after a fault in the code is mended, all that it has
 * parked goes through the pipeline again.
 *
 * @module
 */
import { type DeadLetter, playerId } from "../../../schema/event.ts";
import { InvalidInput } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { partitionOf } from "../../../schema/partition.ts";
import type { Topics } from "../../../schema/topics.ts";
import type { Log, LogRecord, NewRecord } from "../../log/log.ts";
import type { LetterFilter, ReplayMany, ReplayManyOptions } from "../admin_platform.ts";
import type { LetterMarks, LetterName } from "./letter_marks.ts";

const topic = "dlq.events";
const replayTopic = "player.events.raw";

/** Letters that one call looks at; with a filter that fits few, it would else take for ever. */
const seenMax = 50_000;

/** Never aborts: only offsets below the end are fetched, and those are there. */
const noSignal = new AbortController().signal;

export interface ReplayPorts {
  readonly log: Log;
  readonly topics: Topics;
  readonly marks: LetterMarks;
}

/** What is left of a partition: offsets, `to` exclusive. */
interface Span {
  from: number;
  readonly to: number;
}

/**
 * Appends the events of all letters that agree with `filter`, the oldest of each partition first, so
 * that an actor's come in their order. Letters that were discarded are no longer there; those that
 * hold no event or were replayed before are counted and left alone. Letters that are parked while it
 * runs, or between two calls of a row, are not of the row: what fails again does not go round.
 *
 * Whatever fails half way may be called again: event ids count once.
 *
 * @throws {InvalidInput} `invalid_cursor`
 * @throws {Unavailable} some may have been sent
 * @throws {OutcomeUnknown} some may have been sent
 */
export async function replayMany(
  ports: ReplayPorts,
  filter: LetterFilter,
  options: ReplayManyOptions,
  call: string,
): Promise<ReplayMany> {
  const ranges = await ports.log.ends(topic);
  const spans: Span[] = options.cursor === undefined
    ? ranges.map(({ start, end }) => ({ from: start, to: end }))
    : parseCursor(options.cursor, ranges);
  const run = new Run(ports, filter, options, call);
  for (const [partition, span] of spans.entries()) {
    // Retention may have dropped the first of them since the call before.
    span.from = Math.max(span.from, ranges[partition]!.start);
    while (span.from < span.to && !run.isOver) await run.chunk(partition, span);
  }
  const isDone = spans.every(({ from, to }) => from >= to);
  return {
    sent: run.sent,
    skipped: run.skipped,
    next_cursor: isDone ? null : spans.map(({ from, to }) => `${from}.${to}`).join("-"),
  };
}

class Run {
  sent = 0;
  readonly skipped = { not_replayable: 0, replayed_before: 0 };
  #seen = 0;

  constructor(
    readonly ports: ReplayPorts,
    readonly filter: LetterFilter,
    readonly options: ReplayManyOptions,
    readonly call: string,
  ) {}

  get isOver(): boolean {
    return this.sent >= this.options.limit || this.#seen >= seenMax;
  }

  /** Takes the next letters of a partition, as many as one fetch gives and the limit allows. */
  async chunk(partition: number, span: Span): Promise<void> {
    const { log, topics, marks } = this.ports;
    const { limit, again } = this.options;
    const fetched = await log.fetch(topic, partition, span.from, limits.fetchBytesMax, noSignal);
    const records = fetched.filter(({ offset }) => offset < span.to);
    const found = await marks.marksOf(records.map((record) => nameOf(partition, record)));
    const events: NewRecord[] = [];
    const names: LetterName[] = [];
    let next = span.to;
    for (const [i, record] of records.entries()) {
      next = record.offset;
      if (this.sent + events.length >= limit) break;
      next++;
      this.#seen++;
      const letter = JSON.parse(record.value) as DeadLetter;
      if ((found[i]?.discarded ?? null) !== null || !agrees(letter, this.filter)) continue;
      if (letter.event === undefined) this.skipped.not_replayable++;
      else if ((found[i]?.replayed ?? null) !== null && !again) this.skipped.replayed_before++;
      else {
        const key = playerId(letter.event);
        const { partitions } = topics[replayTopic];
        const value = JSON.stringify(letter.event);
        events.push({ partition: partitionOf(key, partitions), key, value });
        names.push(nameOf(partition, record));
      }
    }
    if (events.length > 0) {
      await log.append(replayTopic, events);
      await marks.replayed(names, this.call);
    }
    this.sent += events.length;
    span.from = next;
  }
}

function nameOf(partition: number, { offset, timestamp }: LogRecord): LetterName {
  return { partition, offset, parkedAt: timestamp };
}

function agrees(letter: DeadLetter, { code, source, studio, actor_id }: LetterFilter): boolean {
  return (code === undefined || letter.code === code) &&
    (source === undefined || letter.source === source) &&
    (studio === undefined || letter.studio === studio) &&
    (actor_id === undefined || letter.actor?.id === actor_id);
}

/** A cursor is what is left of each partition: `12.40-0.0-7.9`. */
function parseCursor(cursor: string, ranges: readonly { readonly end: number }[]): Span[] {
  const isWhole = /^\d{1,15}\.\d{1,15}(-\d{1,15}\.\d{1,15})*$/.test(cursor);
  const spans = (isWhole ? cursor.split("-") : []).map((part) => {
    const [from, to] = part.split(".").map(Number) as [number, number];
    return { from, to };
  });
  const fits = spans.length === ranges.length &&
    spans.every(({ from, to }, p) => from <= to && to <= ranges[p]!.end);
  if (fits) return spans;
  throw new InvalidInput(
    "invalid_cursor",
    "Cannot go on from this cursor: send the next_cursor of the call before as it was",
    "cursor",
  );
}
