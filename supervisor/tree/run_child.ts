/**
 * Children that are one async function.
 *
 * @module
 */
import type { Child, ChildSpec, ExitReason } from "./child.ts";

/**
 * Makes a child of an async function: it runs until the function returns (`normal`) or throws
 * (`failed`); `stop()` aborts the signal, and however the function then ends it counts as stopped.
 *
 * @param run called at once; must end soon after its signal aborts
 */
export function runChild(run: (stop: AbortSignal) => Promise<void>): Child {
  const controller = new AbortController();
  const { signal } = controller;
  const exited = (async (): Promise<ExitReason> => {
    try {
      await run(signal);
      return { type: signal.aborted ? "stopped" : "normal" };
    } catch (error) {
      return signal.aborted ? { type: "stopped" } : { type: "failed", error };
    }
  })();
  return {
    exited,
    stop: async () => {
      controller.abort();
      await exited;
    },
    kill: () => controller.abort(),
  };
}

/**
 * A child that runs `run` for as long as its supervisor does.
 *
 * @param shutdownMs how long `run` may take to end once its signal aborts
 */
export function permanentChild(
  id: string,
  shutdownMs: number,
  run: (stop: AbortSignal) => Promise<void>,
): ChildSpec {
  return { id, type: "worker", restart: "permanent", shutdownMs, start: () => runChild(run) };
}
