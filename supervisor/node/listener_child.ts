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
  readonly fetch: (
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  ) => Response | Promise<Response>;
  readonly onListen: (port: number) => void;
  /** Before the listener finishes what is under way. */
  readonly onDrain?: () => void;
}

/** How long requests under way may take once the listener is to stop. */
const shutdownMs = 3_000;
/** Of these, how long their bodies may take to arrive. */
const bodiesMs = 2_000;

/** The requests that are being answered. */
class UnderWay {
  #count = 0;
  #idle = Promise.withResolvers<void>();

  async during(response: Promise<Response>): Promise<Response> {
    this.#count++;
    try {
      return await response;
    } finally {
      if (--this.#count === 0) {
        this.#idle.resolve();
        this.#idle = Promise.withResolvers();
      }
    }
  }

  /** Resolves when there is none, or after `ms`. */
  async idle(ms: number): Promise<void> {
    if (this.#count === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
    await Promise.race([this.#idle.promise, late]);
    clearTimeout(timer);
  }
}

/** The answer to a request with a body that comes while the listener stops. */
function goingAway(): Response {
  const body = {
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    code: "unavailable",
    detail: "This node is going away: nothing was written, send the same again",
  };
  const headers = {
    "content-type": "application/problem+json",
    "retry-after": "1",
    "connection": "close",
  };
  return new Response(JSON.stringify(body), { status: 503, headers });
}

export function listenerChild(options: ListenerOptions): ChildSpec {
  let port = options.port;
  return {
    id: options.id,
    type: "worker",
    restart: "permanent",
    shutdownMs,
    start: () => {
      const abort = new AbortController();
      const underWay = new UnderWay();
      let stopping = false;
      const handle: Deno.ServeHandler<Deno.NetAddr> = (request, info) => {
        if (stopping && request.body !== null) {
          request.body.cancel().catch(() => {});
          return goingAway();
        }
        const response = options.fetch(request, info);
        return response instanceof Promise ? underWay.during(response) : response;
      };
      const server = Deno.serve({
        hostname: options.hostname,
        port,
        signal: abort.signal,
        onListen: (address) => {
          port = address.port;
          options.onListen(port);
        },
      }, handle);
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
          // Deno 2.9's shutdown() makes bodies that are still arriving unreadable
          // (denoland/deno#36809): they must be in first, and no new one may begin.
          await underWay.idle(bodiesMs);
          await server.shutdown();
        },
        kill: () => abort.abort(),
      };
    },
  };
}
