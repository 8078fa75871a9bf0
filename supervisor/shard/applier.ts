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
  /** {@link Cells.reload}, for as long as it takes. */
  reload(actorId: string): Promise<Cell>;
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
   * Applies a record. Returns a promise only when a message failed: the common way stays
   * synchronous. Until the promise resolves `batch` holds half a record and must not be sealed.
   */
  apply(
    record: LogRecord,
    decoded: DecodedRecord,
    sources: Record<string, SourcePosition>,
    batch: Batch,
  ): Promise<void> | undefined {
    const { source, messages, error } = decoded;
    if (error !== undefined) this.#parkRecord(record, error, batch);
    if (source !== undefined) {
      if (isOld(source.position, sources[source.name])) {
        this.ignored++;
        batch.finish(record);
        return undefined;
      }
      sources[source.name] = source.position;
      batch.sources[source.name] = source.position;
    }
    for (let i = 0; i < messages.length; i++) {
      const { actorId, message } = messages[i]!;
      const failure = this.#tryApply(record, actorId, message, batch);
      if (failure !== undefined) return this.#afterFailure(record, decoded, i, failure, batch);
    }
    batch.finish(record);
    return undefined;
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
    } else batch.applied.push({ actorId: cell.id, message, offset, now: timestamp });
    batch.touched.add(cell.id);
  }

  async #afterFailure(
    record: LogRecord,
    decoded: DecodedRecord,
    failedAt: number,
    failure: Error,
    batch: Batch,
  ): Promise<void> {
    let error: Error | undefined = failure;
    for (let i = failedAt; i < decoded.messages.length; i++) {
      const { actorId, message } = decoded.messages[i]!;
      if (i > failedAt) error = this.#tryApply(record, actorId, message, batch);
      if (error === undefined) continue;
      if (!(error instanceof InvalidInput)) {
        await this.#rebuild(actorId);
        error = this.#tryApply(record, actorId, message, batch);
        if (error === undefined) continue;
        await this.#rebuild(actorId);
      }
      this.#parkMessage(record, actorId, message, error, batch);
    }
    batch.finish(record);
  }

  /** The actor as snapshot, journal and the earlier uncommitted messages make it. */
  async #rebuild(actorId: string): Promise<void> {
    const earlier = this.ports.uncommitted(actorId);
    const cell = await this.ports.reload(actorId);
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
        // For the sender's fault nobody needs the state, and a flood of them would be large.
        state: error instanceof InvalidInput ? null : this.#stateOf(actorId),
        position: `${this.partition}:${record.offset}`,
        version: this.stage.behaviour.version,
      },
    };
    batch.park(actorId, letter);
    this.ports.parked(actorId, error);
  }

  /** The parts of an actor's state; `null` when they are too much for a record. */
  #stateOf(actorId: string): Json {
    const cell = this.cells.peek(actorId);
    const parts = cell === undefined ? [] : this.stage.behaviour.describe(cell.state);
    const chars = parts.reduce((sum, { part, body }) => sum + part.length + body.length, 0);
    if (chars === 0 || chars > limits.deadLetterStateCharsMax) return null;
    return parts.map(({ part, body }) => [part, JSON.parse(body)]);
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
