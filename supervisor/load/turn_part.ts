/**
 * Measures, again and again, how long a request waits for its turn in this process: by an empty one of
 * its own, over loopback, through the same queues of the runtime as everybody's.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { logger } from "../observability/logger.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import type { Clock } from "../shard/clock.ts";
import type { ChildSpec } from "../tree/child.ts";
import { permanentChild } from "../tree/run_child.ts";

const log = logger("turns");

/** Who is told; the gateway's turn control has the same shape. */
export interface TurnWatch {
  sent(): void;
  /** @returns how long it took, milliseconds */
  answered(): number;
  failed(): void;
  readonly refused: Readonly<Record<"large" | "small", number>>;
}

const shutdownMs = 2_000;
/** Without descriptors, or a loopback, nothing is measured until then, and nothing refused for it. */
const againMs = 1_000;
const request = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
const answerBytesMax = 1024;

/** A listener that nobody knows of, and the one connection to it. */
class OwnConnection {
  readonly #answer = new Uint8Array(answerBytesMax);

  private constructor(readonly server: Deno.HttpServer<Deno.NetAddr>, readonly conn: Deno.TcpConn) {
    conn.setNoDelay(true);
  }

  static async open(): Promise<OwnConnection> {
    const hostname = "127.0.0.1";
    const empty = () => new Response(null, { status: 204 });
    const server = Deno.serve({ hostname, port: 0, onListen() {} }, empty);
    server.finished.catch(() => {});
    try {
      return new OwnConnection(server, await Deno.connect({ hostname, port: server.addr.port }));
    } catch (error) {
      await server.shutdown();
      throw error;
    }
  }

  /** Asks, and waits for the whole answer. @throws {Error} the connection has ended */
  async ask(): Promise<void> {
    for (let sent = 0; sent < request.length;) {
      sent += await this.conn.write(request.subarray(sent));
    }
    for (let at = 0; !this.#isWhole(at);) {
      const read = await this.conn.read(this.#answer.subarray(at));
      if (!read) throw new Deno.errors.UnexpectedEof("The answer to the process itself broke off");
      at += read;
    }
  }

  /** An answer without a body ends with its head. */
  #isWhole(length: number): boolean {
    return length >= 4 && this.#answer[length - 1] === 10 && this.#answer[length - 3] === 10;
  }

  async close(): Promise<void> {
    try {
      this.conn.close();
    } catch {
      // It was closed to end its reading.
    }
    await this.server.shutdown();
  }
}

async function measure(
  watch: TurnWatch,
  sink: MetricsSink,
  clock: Clock,
  stop: AbortSignal,
): Promise<void> {
  const own = await OwnConnection.open();
  const end = () => own.conn.close();
  stop.addEventListener("abort", end, { once: true });
  try {
    while (!stop.aborted) {
      watch.sent();
      await own.ask();
      sink.observe("turn_seconds", watch.answered() / 1000);
      const { large, small } = watch.refused;
      sink.set("shed_share", large, { size: "large" });
      sink.set("shed_share", small, { size: "small" });
      await clock.sleep(limits.turnEveryMs, stop);
    }
  } finally {
    watch.failed();
    stop.removeEventListener("abort", end);
    await own.close();
  }
}

/** The child that does it, for as long as the node runs. */
export function turnChild(watch: TurnWatch, sink: MetricsSink, clock: Clock): ChildSpec {
  return permanentChild("turns", shutdownMs, async (stop) => {
    while (!stop.aborted) {
      try {
        await measure(watch, sink, clock, stop);
      } catch (error) {
        if (stop.aborted) return;
        log.warn("How long requests wait is not known for now", { error: String(error) });
      }
      await clock.sleep(againMs, stop);
    }
  });
}
