/**
 * What is done to one actor beside the flow of messages: finding it for who asks, loading it anew,
 * passivating it.
 *
 * @module
 */
import { ActorHalted, InvalidInput } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import type { AsOf } from "../../store/store.ts";
import type { Cell } from "../cell.ts";
import type { Gate } from "../gate.ts";
import type { Ownership } from "../ownership.ts";
import type { Inspection, ShardOptions } from "../shard_types.ts";
import type { Stage } from "../stage.ts";

/** Where the shard's loops are. */
export interface OperatePorts {
  /** Opened after each commit. */
  readonly committed: Gate;
  /** Nothing is half done any more. */
  readonly rebuilt: Gate;
  /** Opened when there is something to commit. */
  readonly filled: Gate;
}

/**
 * The live actor, loaded if need be, or the one of the past.
 *
 * @throws {ActorHalted}
 * @throws {InvalidInput} `as_of_unsupported`: it has no journal
 */
export async function findActor(
  { cells }: Ownership,
  actorId: string,
  asOf: AsOf | undefined,
): Promise<Cell | undefined> {
  const { behaviour, name } = cells.stage;
  if (asOf !== undefined) {
    if (behaviour.durability !== "journal") {
      const message = `A ${name} has no journal to go back in`;
      throw new InvalidInput("as_of_unsupported", message, "as_of");
    }
    return seen(await cells.past(actorId, asOf));
  }
  // A loaded actor may be passivated before we look again; an unknown one was not loaded.
  while (cells.peek(actorId) === undefined) {
    if (await cells.loadAsked(actorId) === 0) break;
  }
  const cell = cells.get(actorId);
  const reason = cell === undefined ? cells.troubles.reasonOf(actorId) : undefined;
  if (reason !== undefined) throw new ActorHalted(actorId, reason);
  return seen(cell);
}

/** An actor whose messages have changed nothing yet is none. */
function seen(cell: Cell | undefined): Cell | undefined {
  return cell === undefined || cell.offset < 0 ? undefined : cell;
}

/** An actor for operators. @param parked how many of its messages were dead-lettered */
export function inspectionOf(stage: Stage, cell: Cell, live: boolean, parked: number): Inspection {
  const parts = stage.behaviour.describe(cell.state);
  return { cell, live, parts, degraded: parked === 0 ? undefined : `${parked} parked` };
}

/**
 * Loads an actor anew, halted or live, between the messages of one fetch and the next. Resolves once
 * the store knows, too, that it stands still no longer.
 *
 * @returns false when it is neither, or halts again
 */
export async function restartActor(
  own: Ownership,
  actorId: string,
  { committed, rebuilt, filled }: OperatePorts,
): Promise<boolean> {
  const { troubles } = own.cells;
  // What it was given before must be in the store: part of it left the shard's memory.
  while (troubles.haltedAt(actorId) >= own.committedOffset && !own.signal.aborted) {
    await committed.wait(own.signal);
  }
  const done = await own.turns.take(async () => {
    const isHalted = troubles.isHalted(actorId);
    if (!isHalted && own.cells.peek(actorId) === undefined) return false;
    troubles.release(actorId);
    own.isRebuilding = true;
    if (isHalted) own.pending.halts.set(actorId, null);
    try {
      return await own.applier.rebuild(actorId, own.pending);
    } finally {
      own.isRebuilding = false;
      rebuilt.open();
      filled.open();
    }
  });
  const isMarked = () => [own.pending, own.committing].some((batch) => batch?.halts.has(actorId));
  while (isMarked() && !own.signal.aborted) {
    await committed.wait(own.signal);
  }
  return done;
}

/**
 * Snapshots an actor with the next commit and drops it once it is idle.
 *
 * @returns true once it is gone; false when it was not live, or was never idle for `askTimeoutMs`
 */
export async function passivateActor(
  own: Ownership,
  { clock }: ShardOptions,
  actorId: string,
  { committed, filled }: OperatePorts,
): Promise<boolean> {
  if (own.cells.peek(actorId) === undefined) return false;
  const over = new AbortController();
  const signal = AbortSignal.any([own.signal, over.signal]);
  clock.sleep(limits.askTimeoutMs, signal).then(() => over.abort());
  // Looked at between two fetches: nothing is on its way to the actor.
  const isGone = () => {
    const cell = own.cells.peek(actorId);
    if (cell === undefined || own.cells.dismiss(cell, own.committedOffset)) return true;
    own.pending.snapshots.add(actorId);
    filled.open();
    return false;
  };
  while (!signal.aborted) {
    if (await own.turns.take(() => Promise.resolve(isGone()))) {
      over.abort();
      return true;
    }
    await committed.wait(signal);
  }
  return false;
}
