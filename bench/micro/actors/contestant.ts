/**
 * What each runtime is measured by.
 *
 * @module
 */
import type { PlayerEvent } from "../../../schema/event.ts";
import type { LogRecord } from "../../../supervisor/log/log.ts";

/** A record with its event read. Who reads records by himself may do so beforehand, untimed. */
export interface Input {
  readonly record: LogRecord;
  readonly event: PlayerEvent;
}

export interface Contestant {
  readonly name: string;
  /** Counts the events, each at most once, with a journal row each; gives the sum of the counts. */
  apply(inputs: readonly Input[], timed: Timed): Promise<number>;
  /** Asks `asks` times for a count. */
  ask(asks: number, timed: Timed): Promise<void>;
  /** Makes actors live again from snapshots; how many are. */
  spawn(actors: number, timed: Timed): Promise<number>;
  /** Makes actors, each with one event counted, and keeps them until the function returned is called. */
  hold(actors: number): Promise<() => unknown>;
}

/** Runs and times the part that counts. */
export type Timed = <T>(run: () => Promise<T> | T) => Promise<T>;
