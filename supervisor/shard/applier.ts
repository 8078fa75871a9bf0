/**
 * Runs messages through their actors. A message that cannot be applied is parked and never stops
 * the partition: invalid input at once, as all messages of a halted actor, a deterministic throw
 * after one more try on a rebuilt actor.
 *
 * @module
 */
import type { Effect, MessageContext } from "../../actors/kernel/behaviour.ts";
import { type DeadLetter, isInternal, type Json, type PlayerEvent } from "../../schema/event.ts";
import { ActorHalted, InvalidInput } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { LogRecord } from "../log/log.ts";
import type { SourcePosition } from "../store/store.ts";
import type { AppliedMessage, Batch } from "./batch.ts";
import type { Cell } from "./cell.ts";
import type { Cells } from "./cells.ts";
import { sourceOf } from "./effects/sent_events.ts";
import type { Decoded, Stage } from "./stage.ts";

export interface ApplierPorts {
  /** Messages of an actor that were applied and are not committed, in order. */
  uncommitted(actorId: string): AppliedMessage[];
  /** {@link Cells.reload}, for as long as it takes. */
  reload(actorId: string): Promise<Cell | undefined>;
  parked(actorId: string, error: Error): void;
}

/** A decoded record, or why it could not be decoded. */
export type DecodedRecord = Decoded<unknown> & { readonly error?: Error };

/** Records that were read, and whom they have messages for. */
export interface Opened {
  readonly addressees: ReadonlySet<string>;
  /** What record `i` holds; asked for once, when it is applied. */
  at(i: number): DecodedRecord;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The code's fault: neither the sender's nor an operator's turn. */
function isPoison(error: Error): boolean {
  return !(error instanceof InvalidInput || error instanceof ActorHalted);
}

/** True when `position` was applied already. */
function isOld(position: SourcePosition, last: SourcePosition | undefined): boolean {
  if (last === undefined) return false;
  return position[0] < last[0] || (position[0] === last[0] && position[1] <= last[1]);
}

/**
 * What an operator can send again. As what an actor has sent it would be old; so it says that it comes
 * anew, and its actor must know by itself whether it has had it.
 */
function replayable(event: PlayerEvent): PlayerEvent | undefined {
  if (!isInternal(event)) return event;
  return sourceOf(event) === undefined ? undefined : { ...event, context: { replayed: true } };
}

export class Applier {
  /** Messages that changed nothing: duplicates and stale timers. */
  ignored = 0;
  /** Actors of the shard watch others, or did. */
  isWatching = false;

  constructor(
    readonly stage: Stage,
    readonly partition: number,
    readonly cells: Cells,
    readonly ports: ApplierPorts,
  ) {}

  /** Says whom records are for, having decoded as few of them as their stage allows. */
  open(records: readonly LogRecord[]): Opened {
    const addressees = new Set<string>();
    if (this.stage.isKeyed) {
      // No actor has an id with NUL, and a store fails whoever looks for one.
      for (const { key } of records) if (!key.includes("\0")) addressees.add(key);
      return { addressees, at: (i) => this.decode(records[i]!) };
    }
    const decoded = records.map((record) => this.decode(record));
    for (const { messages } of decoded) for (const { actorId } of messages) addressees.add(actorId);
    return { addressees, at: (i) => decoded[i]! };
  }

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
    let cell = this.cells.get(actorId);
    if (cell === undefined) {
      const reason = this.cells.troubles.reasonOf(actorId);
      if (reason !== undefined) return new ActorHalted(actorId, reason);
      cell = this.cells.create(actorId);
    }
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
    this.#keep(record, cell, batch);
    batch.addEffects(actorId, effects, record.offset, record.timestamp);
    this.isWatching ||= batch.hasWatches;
    return undefined;
  }

  #context(record: LogRecord, actorId: string): MessageContext {
    const { offset, timestamp } = record;
    return { actorId, now: timestamp, partition: this.partition, offset };
  }

  #keep(record: LogRecord, cell: Cell, batch: Batch): void {
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
    } else batch.applied.push({ actorId: cell.id, record });
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
      if (isPoison(error)) {
        error = await this.#tryAgain(record, actorId, message, error, batch);
        if (error === undefined) continue;
      }
      const { offset, value } = record;
      const payload = this.#hasEvents ? value : JSON.stringify(message);
      const isBack = this.#giveBack(record, actorId, message, error, batch);
      if (!isBack || isPoison(error)) {
        const parked = { actorId, message, offset };
        this.#parkMessage(parked, payload, error, batch, !isBack);
      }
      if (isPoison(error)) this.#afterPoison(actorId, offset, error, batch);
    }
    batch.finish(record);
  }

  /** Sends back what must not be parked. @returns whether it was done */
  #giveBack(
    { offset, timestamp }: LogRecord,
    actorId: string,
    message: unknown,
    error: Error,
    batch: Batch,
  ): boolean {
    if (error instanceof InvalidInput) return false;
    const reason = error instanceof ActorHalted ? "halted" : "failed";
    const effects = this.stage.giveBack?.(message, reason);
    if (effects !== undefined) batch.addEffects(actorId, effects, offset, timestamp);
    return effects !== undefined;
  }

  /** Once more, on a rebuilt actor. If it throws again the actor is rebuilt without the message. */
  async #tryAgain(
    record: LogRecord,
    actorId: string,
    message: unknown,
    first: Error,
    batch: Batch,
  ): Promise<Error | undefined> {
    let error: Error | undefined = first;
    if (await this.rebuild(actorId, batch)) {
      error = this.#tryApply(record, actorId, message, batch);
      if (error === undefined || await this.rebuild(actorId, batch)) return error;
    }
    return new ActorHalted(actorId, this.cells.troubles.reasonOf(actorId) ?? first.message);
  }

  /** What the behaviour wants of an actor that has thrown. */
  #afterPoison(actorId: string, offset: number, error: Error, batch: Batch): void {
    this.cells.troubles.countParked(actorId);
    if (this.stage.behaviour.onPoison !== "halt") return;
    const cell = this.cells.peek(actorId);
    // Nobody will take it later, and what it reflects is committed with this batch.
    if (cell !== undefined && this.stage.behaviour.durability === "snapshot") {
      batch.lastSnapshots.push(...this.cells.snapshot(cell));
    }
    this.cells.halt(actorId, `it throws at offset ${offset}: ${error.message}`, offset);
  }

  /**
   * The actor as snapshot, journal and the earlier uncommitted messages make it.
   *
   * @returns false when that fails, too: it is halted
   */
  async rebuild(actorId: string, batch: Batch): Promise<boolean> {
    const earlier = this.ports.uncommitted(actorId);
    const cell = await this.ports.reload(actorId);
    try {
      if (cell !== undefined) this.#replay(cell, earlier);
    } catch (thrown) {
      this.cells.halt(actorId, `replay failed: ${asError(thrown).message}`, batch.oldOffset);
    }
    if (!this.cells.troubles.isHalted(actorId)) return true;
    // Without a journal, what it has taken in since its snapshot would be lost with it.
    for (const { message, offset } of batch.takeApplied(actorId, this.stage)) {
      const reason = this.cells.troubles.reasonOf(actorId)!;
      const error = new ActorHalted(actorId, reason);
      this.#parkMessage({ actorId, message, offset }, JSON.stringify(message), error, batch);
    }
    return false;
  }

  #replay(cell: Cell, earlier: readonly AppliedMessage[]): void {
    for (const { message, offset, now } of earlier) {
      if (offset <= cell.offset) continue;
      const ctx = { actorId: cell.id, now, partition: this.partition, offset };
      this.stage.behaviour.receive(cell.state, message, ctx);
      cell.offset = offset;
      cell.rowsBehind++;
      cell.behindSince = Math.min(cell.behindSince, now);
    }
  }

  /** Its messages are events of players, which can be sent again. */
  get #hasEvents(): boolean {
    return this.stage.topic === "player.events.raw";
  }

  /** A poison bundle: the event, the state before it, the code version and the error. */
  #parkMessage(
    { actorId, message, offset }: Omit<AppliedMessage, "now">,
    payload: string,
    error: Error,
    batch: Batch,
    isReplayable = true,
  ): void {
    const event = isReplayable && this.#hasEvents ? replayable(message as PlayerEvent) : undefined;
    const letter: DeadLetter = {
      studio: actorId.slice(0, actorId.indexOf("/")),
      source: this.stage.name,
      code: isPoison(error) ? "poison" : (error as InvalidInput | ActorHalted).code,
      message: error.message.slice(0, 1000),
      payload: payload.slice(0, limits.deadLetterPayloadBytesMax),
      ...(event === undefined ? {} : { event }),
      actor: {
        id: actorId,
        // For the sender's fault nobody needs the state, and a flood of them would be large.
        state: isPoison(error) ? this.#stateOf(actorId) : null,
        position: `${this.partition}:${offset}`,
        version: this.stage.behaviour.version,
      },
    };
    batch.park(actorId, letter);
    if (error instanceof ActorHalted) {
      const mark = this.cells.troubles.countLetter(actorId);
      if (mark !== undefined) batch.halts.set(actorId, mark);
    }
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
