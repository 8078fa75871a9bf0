/**
 * What a run has counted so far. All senders of a run share one tally.
 *
 * @module
 */
import { Histogram, type Quantiles } from "./client/histogram.ts";

/** How many examples of unexpected answers are kept. */
const examplesMax = 5;

export class Tally {
  /** Events handed to the platform, retries not counted. */
  sent = 0;
  /** Events acknowledged as accepted, duplicates included: the platform answers them as accepted. */
  accepted = 0;
  /** Accepted events that repeat an id: they must not change any figure. */
  duplicates = 0;
  batches = 0;
  /** Batches sent again, whatever for. */
  retries = 0;
  /** Events whose outcome was still unknown when the run ended. */
  unknown = 0;
  /** Answers that did not refuse exactly what had to be refused. */
  mismatches = 0;
  readonly rejected: Record<string, number> = {};
  /** Failed attempts by cause. */
  readonly errors: Record<string, number> = {};
  readonly examples: string[] = [];
  /** Answered minus the time the batch should have been sent, waits and retries included. */
  readonly fromIntended = new Histogram();
  /** Answered minus the time it was first sent. */
  readonly fromSend = new Histogram();

  reject(code: string, events = 1): void {
    this.rejected[code] = (this.rejected[code] ?? 0) + events;
  }

  error(cause: string): void {
    this.errors[cause] = (this.errors[cause] ?? 0) + 1;
  }

  mismatch(example: string): void {
    this.mismatches++;
    if (this.examples.length < examplesMax) this.examples.push(example.slice(0, 500));
  }
}

/** The result of a run, as `--json` prints it. Latencies are milliseconds. */
export interface LoadReport {
  readonly seed: number;
  readonly url: string;
  readonly protocol: string;
  readonly batch: number;
  readonly connections: number;
  /** Events a second that were asked for; 0: as fast as possible. */
  readonly rate: number;
  /** From the first batch to the last answer. */
  readonly seconds: number;
  readonly sent: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: Readonly<Record<string, number>>;
  /** Accepted events a second. */
  readonly events_per_second: number;
  readonly batches: number;
  readonly retries: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly unknown: number;
  readonly mismatches: number;
  readonly mismatch_examples: readonly string[];
  readonly latency_ms: { readonly from_intended: Quantiles; readonly from_send: Quantiles };
  /** CPU seconds of the generator's process during the run. */
  readonly generator_cpu_seconds: number;
  readonly probe?: ProbeReport;
}

/** How long a fresh event took to be seen, milliseconds from its POST. */
export interface ProbeReport {
  /** In GraphQL `player(id)`. */
  readonly live_ms: Quantiles;
  /** In `player_events`; only with a store URL. */
  readonly sql_ms?: Quantiles;
  /** Probes not accepted, or not seen in time. */
  readonly lost: number;
}
