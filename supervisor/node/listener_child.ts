/**
 * An HTTP listener as a child: it can fail (a taken port, no descriptors left) and be started again.
 *
 * @module
 */
import type { ChildSpec, ExitReason } from "../tree/child.ts";

export interface ListenerOptions {
  readonly id: string;
  readonly hostname: string;
  /** 0 takes a free one at the first start and keeps it. */
  readonly port: number;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly onListen: (port: number) => void;
  /** Before the listener finishes what is under way. */
  readonly onDrain?: () => void;
}

/** How long requests under way may take once the listener is to stop. */
const shutdownMs = 3_000;

export function listenerChild(options: ListenerOptions): ChildSpec {
  let port = options.port;
  return {
    id: options.id,
    type: "worker",
    restart: "permanent",
    shutdownMs,
    start: () => {
      const abort = new AbortController();
      const server = Deno.serve({
        hostname: options.hostname,
        port,
        signal: abort.signal,
        onListen: (address) => {
          port = address.port;
          options.onListen(port);
        },
      }, options.fetch);
      let stopping = false;
      const exited = server.finished.then<ExitReason, ExitReason>(
        () =>
          stopping
            ? { type: "stopped" }
            : { type: "failed", error: new Error("The listener closed by itself") },
        (error) => ({ type: "failed", error }),
      );
      return {
        exited,
        stop: async () => {
          stopping = true;
          options.onDrain?.();
          await server.shutdown();
        },
        kill: () => abort.abort(),
      };
    },
  };
}
