/**
 * What the writer's worker and the others say to each other. All of it stays within one process.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../../schema/errors.ts";
import type { Topics } from "../../../schema/topics.ts";
import type { CutReport } from "./recovery/recover_topic.ts";

/** What a client needs to use the log; it can be posted to a worker with its `port` transferred. */
export interface LogConnection {
  readonly dir: string;
  readonly topics: Topics;
  /** The shared cells of {@link Positions}. */
  readonly positions: SharedArrayBuffer;
  readonly port: MessagePort;
}

/** Client to writer. `id` is the client's own and comes back in the answer. */
export type ClientMessage =
  | {
    readonly type: "append";
    readonly id: number;
    readonly topic: number;
    /** For each partition in it, once: partition, count of records, length of text in bytes. */
    readonly parts: readonly number[];
    /** The parts' text, one after the other. */
    readonly text: ArrayBuffer;
  }
  | {
    readonly type: "trim";
    readonly id: number;
    readonly topic: number;
    readonly partition: number;
    readonly beforeOffset: number;
  };

/** Writer to client: the messages `ids` are durable, or failed alike. */
export interface ClientAnswer {
  readonly ids: readonly number[];
  readonly failure?: Failure;
}

export interface Failure {
  readonly outcome: "nothing_written" | "unknown";
  readonly message: string;
}

/** How the error classes cross a port. */
export function failureOf(error: unknown): Failure {
  return {
    outcome: error instanceof Unavailable ? "nothing_written" : "unknown",
    message: (error as Error).message,
  };
}

export function errorOf({ outcome, message }: Failure): Unavailable | OutcomeUnknown {
  return outcome === "unknown"
    ? new OutcomeUnknown("log", message)
    : new Unavailable("log", message);
}

/** Main thread to the writer's worker. */
export type WriterCommand =
  | { readonly type: "open"; readonly config: WriterConfig }
  | { readonly type: "connect"; readonly port: MessagePort }
  | { readonly type: "close" };

export interface WriterConfig {
  readonly dir: string;
  readonly topics: Topics;
  readonly positions: SharedArrayBuffer;
  readonly segmentBytesMax: number;
  readonly topicBytesMax: number;
  readonly flushBytesMax: number;
  readonly retentionCheckMs: number;
  readonly lockWaitMs: number;
}

/** The writer's worker to the main thread. */
export type WriterReport =
  | { readonly type: "opened" }
  /** `code` is a `Terminal`'s; without it the failure may pass. */
  | { readonly type: "refused"; readonly code?: string; readonly message: string }
  | { readonly type: "cut"; readonly report: CutReport }
  | { readonly type: "problem"; readonly message: string }
  | { readonly type: "closed" };
