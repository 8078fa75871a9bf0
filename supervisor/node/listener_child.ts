/**
 * An HTTP listener as a child: it can fail (a taken port, no descriptors left) and be started again.
 *
 * @module
 */
import { GuardThread, type GuardThreadOptions } from "../guard/guard_thread.ts";
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
  /** A guard between clients and the server, in a thread of its own. @default none */
  readonly guard?: GuardThreadOptions | undefined;
  /** The guard's thread has started; for tests that end it. */
  readonly onGuard?: (guard: GuardThread) => void;
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
  readonly #guard: GuardThread | undefined;
  readonly #abort = new AbortController();
  readonly #underWay = new UnderWay();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #port: number;
  #stopping = false;

  constructor(options: ListenerOptions, port: number) {
    this.#options = options;
    this.#port = port;
    if (options.guard === undefined) return;
    this.#guard = new GuardThread(options.guard);
    options.onGuard?.(this.#guard);
  }

  get port(): number {
    return this.#port;
  }

  /** Listens. @throws {Error} whatever keeps it from that, which is told at once */
  async open(): Promise<void> {
    try {
      await this.#listen();
    } catch (error) {
      await this.#guard?.end();
      throw error;
    }
  }

  async #listen(): Promise<void> {
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
    // Who stops while the guard begins to listen must find it.
    this.#server = server;
    try {
      const { port } = server.addr;
      onServe?.(port);
      this.#port = await guard?.listen(hostname, this.#port, port) ?? port;
      onListen(this.#port);
    } catch (error) {
      void guard?.close();
      server.shutdown().catch(() => {});
      throw error;
    }
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
  async serve(): Promise<ExitReason> {
    try {
      while (!await this.#serveOnce()) await this.#listenAgain();
      return { type: "stopped" };
    } catch (error) {
      if (this.#stopping) return { type: "stopped" };
      // Without one of them the other is of no use.
      this.#abort.abort();
      await this.#guard?.end();
      return { type: "failed", error };
    }
  }

  /**
   * @returns whether it was stopped, else descriptors are short
   * @throws {Error} the server or the guard has ended by itself
   */
  async #serveOnce(): Promise<boolean> {
    const ends = [this.#server!.finished, ...this.#guard === undefined ? [] : [this.#guard.failed]];
    try {
      await Promise.race(ends);
      if (this.#stopping) return true;
      throw new Error("The listener closed by itself");
    } catch (error) {
      const isPatient = this.#options.isPatient ?? true;
      if (this.#stopping || !isPatient || !isExhausted(error)) throw error;
      // Its thread stays: without descriptors there would be no other.
      void this.#guard?.close();
      log.warn("Out of descriptors: no connections are taken for now", { port: this.#port });
      return false;
    }
  }

  /** @throws {Error} for another reason than descriptors, as a port that somebody else has taken */
  async #listenAgain(): Promise<void> {
    while (!this.#stopping) {
      await new Promise((resolve) => setTimeout(resolve, exhaustedPauseMs));
      try {
        if (!this.#stopping) await this.#listen();
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
    await this.#guard?.drain();
    await this.#server?.shutdown();
    await this.#guard?.finish();
  }

  kill(): void {
    void this.#guard?.end();
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
    start: async () => {
      const listening = new Listening(options, port);
      await listening.open();
      port = listening.port;
      return {
        exited: listening.serve(),
        stop: () => listening.stop(),
        kill: () => listening.kill(),
      };
    },
  };
}
