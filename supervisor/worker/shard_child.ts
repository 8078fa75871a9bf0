/**
 * A shard as a child of a supervisor.
 *
 * @module
 */
import { Fenced, OffsetMissing, Terminal } from "../../schema/errors.ts";
import type { Shard } from "../shard/shard.ts";
import type { ChildSpec, ExitReason } from "../tree/child.ts";

/** How long a shard may take to commit what it has applied. */
const shutdownMs = 8_000;

/** Told when a shard stays down, with the error, or runs again (`undefined`). */
export type OnFault = (fault: string | undefined, error?: unknown) => void;

/** Whether a shard that failed so must not be started again. */
export function isFinal(error: unknown): boolean {
  return error instanceof Fenced || error instanceof OffsetMissing || error instanceof Terminal;
}

/**
 * A fenced shard has a new owner and a shard whose log lost records must not go on: neither is
 * started again. Every other failure is the supervisor's to answer.
 */
export function shardChild(id: string, shard: Shard, onFault: OnFault): ChildSpec {
  return {
    id,
    type: "worker",
    restart: "transient",
    shutdownMs,
    start: () => {
      const stop = new AbortController();
      const kill = new AbortController();
      onFault(undefined);
      const run = async (): Promise<ExitReason> => {
        try {
          await shard.run(stop.signal, kill.signal);
          return { type: stop.signal.aborted ? "stopped" : "normal" };
        } catch (error) {
          onFault(`${id}: ${error instanceof Error ? error.message : error}`, error);
          return isFinal(error) ? { type: "normal" } : { type: "failed", error };
        }
      };
      const exited = run();
      return {
        exited,
        stop: async () => {
          stop.abort();
          await exited;
        },
        kill: () => kill.abort(),
      };
    },
  };
}
