import type { Child, ExitReason } from "./child.ts";

/**
 * Makes a child of an async function: it runs until the function returns (`normal`) or throws
 * (`failed`); `stop()` aborts the signal, and however the function then ends it counts as stopped.
 *
 * @param run called at once; must end soon after its signal aborts
 */
export function runChild(run: (signal: AbortSignal) => Promise<void>): Child {
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
  };
}
