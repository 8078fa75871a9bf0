/**
 * Runs messages through their actors. A message that cannot be applied is parked and never stops
 * the partition: invalid input at once, a deterministic throw after one more try on a rebuilt actor.
 *
 * @module
 */
import type { Effect, MessageContext } from "../../actors/kernel/behaviour.ts";
import { type DeadLetter, isInternal, type Json, type PlayerEvent } from "../../schema/event.ts";
import { InvalidInput } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { LogRecord } from "../log/log.ts";
import type { SourcePosition } from "../store/store.ts";
import type { AppliedMessage, Batch } from "./batch.ts";
import type { Cell, Cells } from "./cells.ts";
import type { Decoded, Stage } from "./stage.ts";

export interface ApplierPorts {
  /** Messages of an actor that were applied and are not committed, in order. */
  uncommitted(actorId: string): AppliedMessage[];
  parked(actorId: string, error: Error): void;
}

/** A decoded record, or why it could not be decoded. */
export type DecodedRecord = Decoded<unknown> & { readonly error?: Error };

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** True when `position` was applied already. */
function isOld(position: SourcePosition, last: SourcePosition | undefined): boolean {
  if (last === undefined) return false;
  return position[0] < last[0] || (position[0] === last[0] && position[1] <= last[1]);
}

export class Applier {
  /** Messages that changed nothing: duplicates and stale timers. */
  ignored = 0;

  constructor(
    readonly stage: Stage,
    readonly partition: number,
    readonly cells: Cells,
    readonly ports: ApplierPorts,
  ) {}

  decode(record: LogRecord): DecodedRecord {
    try {
      return this.stage.decode(record);
    } catch (thrown) {
      return { messages: [], error: asError(thrown) };
    }
  }

  /**
   * Applies a record to the batch that `pending` gives. Returns a promise only when an actor had to
   * be rebuilt: the common way stays synchronous.
   */
  apply(
    record: LogRecord,
    decoded: DecodedRecord,
    sources: Record<string, SourcePosition>,
    pending: () => Batch,
  ): Promise<void> | undefined {
    const { source, messages, error } = decoded;
    if (error !== undefined) this.#parkRecord(record, error, pending());
    if (source !== undefined) {
      if (isOld(source.position, sources[source.name])) {
        this.ignored++;
        this.#finish(record, pending());
        return undefined;
      }
      sources[source.name] = source.position;
      pending().sources[source.name] = source.position;
    }
    for (let i = 0; i < messages.length; i++) {
      const { actorId, message } = messages[i]!;
      const failure = this.#tryApply(record, actorId, message, pending());
      if (failure !== undefined) return this.#afterFailure(record, decoded, i, failure, pending);
    }
    this.#finish(record, pending());
    return undefined;
  }

  #finish(record: LogRecord, batch: Batch): void {
    batch.newOffset = record.offset + 1;
    if (record.timestamp > batch.newestAt) batch.newestAt = record.timestamp;
  }

  /** Applies one message; returns the error when the actor threw. */
  #tryApply(record: LogRecord, actorId: string, message: unknown, batch: Batch): Error | undefined {
    const cell = this.cells.get(actorId) ?? this.cells.create(actorId);
    let effects: Effect[] | undefined;
    try {
      effects = this.stage.behaviour.receive(cell.state, message, this.#context(record, actorId));
    } catch (thrown) {
      return asError(thrown);
    }
    cell.pinnedAt = record.offset;
    if (effects === undefined) {
      this.ignored++;
      return undefined;
    }
    this.#keep(record, cell, message, batch);
    batch.addEffects(actorId, effects);
    return undefined;
  }

  #context(record: LogRecord, actorId: string): MessageContext {
    const { offset, timestamp } = record;
    return { actorId, now: timestamp, partition: this.partition, offset };
  }

  #keep(record: LogRecord, cell: Cell, message: unknown, batch: Batch): void {
    const { offset, timestamp } = record;
    cell.offset = offset;
    if (this.stage.behaviour.durability === "journal") {
      cell.rowsBehind++;
      if (timestamp < cell.behindSince) cell.behindSince = timestamp;
      batch.rows.push({
        offset,
        receivedAt: timestamp,
        actorId: cell.id,
        actorKey: cell.key,
        value: record.value,
      });
    }
    batch.touched.add(cell.id);
    batch.applied.push({ actorId: cell.id, message, offset, now: timestamp });
  }

  async #afterFailure(
    record: LogRecord,
    decoded: DecodedRecord,
    failedAt: number,
    failure: Error,
    pending: () => Batch,
  ): Promise<void> {
    let error: Error | undefined = failure;
    for (let i = failedAt; i < decoded.messages.length; i++) {
      const { actorId, message } = decoded.messages[i]!;
      if (i > failedAt) error = this.#tryApply(record, actorId, message, pending());
      if (error === undefined) continue;
      if (!(error instanceof InvalidInput)) {
        await this.#rebuild(actorId);
        error = this.#tryApply(record, actorId, message, pending());
        if (error === undefined) continue;
        await this.#rebuild(actorId);
      }
      this.#parkMessage(record, actorId, message, error, pending());
    }
    this.#finish(record, pending());
  }

  /** The actor as snapshot, journal and the earlier uncommitted messages make it. */
  async #rebuild(actorId: string): Promise<void> {
    const earlier = this.ports.uncommitted(actorId);
    const pinnedAt = this.cells.get(actorId)?.pinnedAt ?? -1;
    this.cells.drop(actorId);
    await this.cells.load([actorId]);
    const cell = this.cells.get(actorId) ?? this.cells.create(actorId);
    cell.pinnedAt = pinnedAt;
    for (const { message, offset, now } of earlier) {
      if (offset <= cell.offset) continue;
      const ctx = { actorId, now, partition: this.partition, offset };
      this.stage.behaviour.receive(cell.state, message, ctx);
      cell.offset = offset;
      cell.rowsBehind++;
      cell.behindSince = Math.min(cell.behindSince, now);
    }
  }

  /** A poison bundle: the event, the state before it, the code version and the error. */
  #parkMessage(
    record: LogRecord,
    actorId: string,
    message: unknown,
    error: Error,
    batch: Batch,
  ): void {
    const cell = this.cells.get(actorId);
    const { behaviour } = this.stage;
    const state: Json = cell === undefined
      ? null
      : behaviour.describe(cell.state).map(({ part, body }) => [part, JSON.parse(body)]);
    const isEvent = this.stage.topic === "player.events.raw";
    const letter: DeadLetter = {
      studio: actorId.slice(0, actorId.indexOf("/")),
      source: this.stage.name,
      code: error instanceof InvalidInput ? error.code : "poison",
      message: error.message.slice(0, 1000),
      payload: record.value.slice(0, limits.deadLetterPayloadBytesMax),
      ...(isEvent && !isInternal(message as PlayerEvent) ? { event: message as PlayerEvent } : {}),
      actor: {
        id: actorId,
        state,
        position: `${this.partition}:${record.offset}`,
        version: behaviour.version,
      },
    };
    batch.park(actorId, letter);
    this.ports.parked(actorId, error);
  }

  #parkRecord(record: LogRecord, error: Error, batch: Batch): void {
    batch.park(record.key, {
      studio: record.key.slice(0, Math.max(0, record.key.indexOf("/"))),
      source: this.stage.name,
      code: "undecodable",
      message: error.message.slice(0, 1000),
      payload: record.value.slice(0, limits.deadLetterPayloadBytesMax),
    });
    this.ports.parked(record.key, error);
  }
}
