/**
 * A shard worker as a child of a supervisor: a Deno worker with its calls.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { BoardScores } from "../leaderboards/scored_stage.ts";
import type { ChildSpec, ExitReason, TreeNode } from "../tree/child.ts";
import { type Endpoint, Rpc } from "./rpc.ts";
import { watchdog } from "./watchdog.ts";
import type { Fired, ShardId, WorkerInit } from "./worker_protocol.ts";

/** How long a worker may take to commit what its shards have applied. */
const shutdownMs = 9_000;

/**
 * What becomes of a worker that gives no sign of life: it is ended and replaced. Drills have it
 * replaced and left alone, to go on whenever it can, or not looked after at all.
 */
export type FrozenWorkers = "terminate" | "leave" | "ignore";

export interface WorkerChildOptions {
  readonly id: string;
  /** Resolves when the store's URL is known; the log's port is transferred. */
  readonly init: (signal: AbortSignal) => Promise<{ init: WorkerInit; transfer: Transferable[] }>;
  /** The worker serves calls. */
  readonly onRunning: (rpc: Rpc) => void;
  /** The worker is gone. */
  readonly onGone: () => void;
  readonly onFired: (notice: Fired) => void;
  /** What games took for their leaderboards. */
  readonly onScores: (scores: BoardScores) => void;
  /** A shard was lost to another node. */
  readonly onLost: (id: ShardId) => void;
  /** @default "terminate" */
  readonly frozen?: FrozenWorkers;
  /** The tree inside the worker, as last reported. */
  readonly tree: () => TreeNode | undefined;
}

export function workerChild(options: WorkerChildOptions): ChildSpec {
  return {
    id: options.id,
    type: "worker",
    restart: "permanent",
    shutdownMs,
    start: ({ signal, env }) => {
      const { promise: exited, resolve } = Promise.withResolvers<ExitReason>();
      const worker = new Worker(new URL("./shard_worker.ts", import.meta.url), {
        type: "module",
        name: options.id,
      });
      const over = new AbortController();
      const end = (reason: ExitReason, isLeft = false) => {
        // One that was left alone may still call.
        if (over.signal.aborted) return;
        over.abort();
        if (!isLeft) worker.terminate();
        rpc.close(new Unavailable("shard", `Worker ${options.id} is gone`));
        options.onGone();
        resolve(reason);
      };
      const fail = (error: unknown) => end({ type: "failed", error });
      const rpc = new Rpc(worker as unknown as Endpoint, {
        fired: options.onFired,
        scores: options.onScores,
        lost: options.onLost,
        exited: () => fail(new Error("Its shards failed beyond their restart budget")),
      });
      worker.onerror = (event) => {
        // An uncaught throw in a worker ends the process unless it is handled here.
        event.preventDefault();
        fail(new Error(event.message));
      };
      const open = async () => {
        const { init, transfer } = await options.init(signal);
        await rpc.call("init", init, transfer);
        options.onRunning(rpc);
        if (options.frozen !== "ignore") await watch();
      };
      const watch = async () => {
        const ping = () => rpc.call("ping", undefined);
        if (await watchdog({ clock: env.clock, ping, signal: over.signal }) === "ended") return;
        const error = new Error(`It gave no sign of life for ${limits.watchdogSilenceMsMax} ms`);
        end({ type: "failed", error }, options.frozen === "leave");
      };
      open().catch((error) => signal.aborted ? end({ type: "stopped" }) : fail(error));
      return {
        exited,
        stop: async () => {
          // A worker that was never opened, or is gone, has nothing to finish.
          await rpc.call("stop", undefined).catch(() => {});
          end({ type: "stopped" });
        },
        kill: () => end({ type: "stopped" }),
        tree: options.tree,
      };
    },
  };
}
