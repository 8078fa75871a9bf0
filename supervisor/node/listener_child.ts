/**
 * An HTTP listener as a child: it can fail (a taken port, no descriptors left) and be started again.
 *
 * @module
 */
import { Guard, type GuardOptions } from "../guard/guard.ts";
import { logger } from "../observability/logger.ts";
import type { ChildSpec, ExitReason } from "../tree/child.ts";

const log = logger("listener");

/** What is told of a request beside it. */
export interface ListenerInfo {
  readonly remoteAddr: Deno.NetAddr;
}

export interface ListenerOptions {
  readonly id: string;
  readonly hostname: string;
  /** 0 takes a free one at the first start and keeps it. */
  readonly port: number;
  readonly fetch: (request: Request, info: ListenerInfo) => Response | Promise<Response>;
  readonly onListen: (port: number) => void;
  /** The port at which answers are written: behind a guard another than clients see. */
  readonly onServe?: (port: number) => void;
  /** A guard between clients and the server. @default none */
  readonly guard?: GuardOptions | undefined;
  /** Whether it outlasts a time without descriptors, rather than fail. @default true */
  readonly isPatient?: boolean;
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

/** Who has not come through the guard is nobody. */
function stranger(request: Request): Response {
  request.body?.cancel().catch(() => {});
  return new Response(null, { status: 403, headers: { "connection": "close" } });
}

/** Out of descriptors: `EMFILE` of this process, `ENFILE` of the machine. */
const isExhausted = (error: unknown) => /\(os error (24|23)\)/.test(String(error));
const exhaustedPauseMs = 250;

/** One life of the listener, as its child. */
class Listening {
  readonly #options: ListenerOptions;
  readonly #guard: Guard | undefined;
  readonly #abort = new AbortController();
  readonly #underWay = new UnderWay();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #port: number;
  #stopping = false;
  readonly exited: Promise<ExitReason>;

  constructor(options: ListenerOptions, port: number) {
    this.#options = options;
    this.#port = port;
    this.#guard = options.guard === undefined ? undefined : new Guard(options.guard);
    // Whatever keeps it from listening at all is told at once.
    this.#listen();
    this.exited = this.#outlast();
  }

  get port(): number {
    return this.#port;
  }

  #listen(): void {
    const { hostname, onListen, onServe } = this.#options;
    const guard = this.#guard;
    const server = Deno.serve({
      hostname: guard === undefined ? hostname : "127.0.0.1",
      port: guard === undefined ? this.#port : 0,
      signal: this.#abort.signal,
      onListen: () => {},
    }, this.#handle);
    // Whoever waits for it is told; a server that is given up at once has nobody who does.
    server.finished.catch(() => {});
    try {
      const { port } = server.addr;
      onServe?.(port);
      this.#port = guard === undefined ? port : guard.listen(hostname, this.#port, port).port;
      onListen(this.#port);
    } catch (error) {
      guard?.close();
      server.shutdown().catch(() => {});
      throw error;
    }
    this.#server = server;
  }

  readonly #handle: Deno.ServeHandler<Deno.NetAddr> = (request, info) => {
    let seen: ListenerInfo = info;
    if (this.#guard !== undefined) {
      const peer = this.#guard.peerOf(info.remoteAddr.port);
      if (peer === undefined) return stranger(request);
      seen = { remoteAddr: { transport: "tcp", ...peer } };
    }
    if (this.#stopping && request.body !== null) {
      request.body.cancel().catch(() => {});
      return goingAway();
    }
    const response = this.#options.fetch(request, seen);
    return response instanceof Promise ? this.#underWay.during(response) : response;
  };

  /** Serves until it is stopped; a time without descriptors ends the server, and another follows. */
  async #outlast(): Promise<ExitReason> {
    for (;;) {
      try {
        await this.#server!.finished;
        if (this.#stopping) return { type: "stopped" };
        throw new Error("The listener closed by itself");
      } catch (error) {
        const isPatient = this.#options.isPatient ?? true;
        this.#guard?.close();
        if (this.#stopping || !isPatient || !isExhausted(error)) {
          return this.#stopping ? { type: "stopped" } : { type: "failed", error };
        }
        log.warn("Out of descriptors: no connections are taken for now", { port: this.#port });
      }
      await this.#listenAgain();
    }
  }

  /** @throws {Error} for another reason than descriptors, as a port that somebody else has taken */
  async #listenAgain(): Promise<void> {
    while (!this.#stopping) {
      await new Promise((resolve) => setTimeout(resolve, exhaustedPauseMs));
      try {
        if (!this.#stopping) this.#listen();
        return;
      } catch (error) {
        if (!isExhausted(error)) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#options.onDrain?.();
    // Deno 2.9's shutdown() makes bodies that are still arriving unreadable
    // (denoland/deno#36809): they must be in first, and no new one may begin.
    await this.#underWay.idle(bodiesMs);
    this.#guard?.drain();
    await this.#server?.shutdown();
    await this.#guard?.finish();
  }

  kill(): void {
    this.#guard?.close();
    this.#abort.abort();
  }
}

export function listenerChild(options: ListenerOptions): ChildSpec {
  let port = options.port;
  return {
    id: options.id,
    type: "worker",
    restart: "permanent",
    shutdownMs,
    start: () => {
      const listening = new Listening(options, port);
      port = listening.port;
      return {
        exited: listening.exited,
        stop: () => listening.stop(),
        kill: () => listening.kill(),
      };
    },
  };
}
