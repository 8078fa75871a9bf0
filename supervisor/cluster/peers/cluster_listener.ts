/**
 * The cluster port as a child.
 *
 * @module
 */
import type { ChildSpec, ExitReason } from "../../tree/child.ts";
import type { LinkServer } from "./link_server.ts";

export interface ClusterListenerOptions {
  readonly port: number;
  /** PEM texts. @default no TLS */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly server: LinkServer;
}

const shutdownMs = 2_000;

export function clusterListener({ port, tls, server }: ClusterListenerOptions): ChildSpec {
  return {
    id: "cluster",
    type: "worker",
    restart: "permanent",
    shutdownMs,
    start: () => {
      let isStopping = false;
      const abort = new AbortController();
      const options = { hostname: "0.0.0.0", port, signal: abort.signal, onListen() {} };
      const http = Deno.serve({ ...options, ...tls }, server.fetch);
      const exited = http.finished.then<ExitReason, ExitReason>(
        () =>
          isStopping
            ? { type: "stopped" }
            : { type: "failed", error: new Error("The cluster port closed by itself") },
        (error) => ({ type: "failed", error }),
      );
      return {
        exited,
        stop: async () => {
          isStopping = true;
          server.close();
          await http.shutdown();
        },
        kill: () => abort.abort(),
      };
    },
  };
}
