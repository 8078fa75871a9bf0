/**
 * What each durable runtime is measured by: the counter a player, each event sent by a request of its
 * own over loopback, counted once by its id, and on disk when it counts as done.
 *
 * @module
 */
import { playerName } from "../counter.ts";

export interface DurableJob {
  readonly players: number;
  /** Dealt out to the players in turn. */
  readonly events: number;
  /** Requests under way, each on a connection of its own. */
  readonly concurrency: number;
}

export interface DurableRun {
  /** From the first request until the last event was counted and on disk. */
  readonly ms: number;
  /** Sum of the counts as the runtime tells them afterwards. */
  readonly counted: number;
  /** A request, milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface DurableContestant {
  readonly name: string;
  /**
   * Starts the runtime on empty disk space, has it do the job, and ends it.
   *
   * @param dir an empty folder of its own
   * @throws {Error} it does not start, or refuses an event
   */
  run(job: DurableJob, dir: string): Promise<DurableRun>;
}

/** A part of the events, by number from `first`. */
export interface Span {
  readonly first: number;
  readonly count: number;
}

/** Each run begins with as many events, untimed, for what compiles or opens only once. */
export const warmUpOf = (job: DurableJob): number => Math.ceil(job.events / 5);

export const eventId = (n: number): string =>
  `0190f3a1-7b2c-7000-8000-${n.toString(16).padStart(12, "0")}`;

export const userOf = (job: DurableJob, n: number): string => playerName(n % job.players);
