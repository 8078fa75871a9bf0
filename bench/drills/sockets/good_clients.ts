/**
 * Honest clients beside an attack on WebSockets: some post events, some send them over `/ws`, one
 * after the other, and the time to each answer is kept by phase.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Histogram } from "../../load/client/histogram.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { Transport } from "../../load/client/transport.ts";
import { WsConnection } from "../../load/client/ws_connection.ts";
import type { Site } from "../platform/site.ts";

const clientsOfEach = 3;
const pauseMs = 10;

/** What was measured in one phase. */
export class GoodPhase {
  readonly latency = new Histogram();
  accepted = 0;
  /** Answers other than 202, and requests without one. */
  refused = 0;
}

export class GoodClients {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];
  #phase = new GoodPhase();
  #sent = 0;

  constructor(site: Site) {
    const transports: Transport[] = Array.from({ length: clientsOfEach }, () => [
      new HttpConnection(site.target),
      new WsConnection(site.target),
    ]).flat();
    this.#running = transports.map((transport) => this.#run(transport));
  }

  /** Connections that are WebSockets. */
  readonly sockets: number = clientsOfEach;

  /** Begins another phase. @returns it; it is filled until the next begins */
  phase(): GoodPhase {
    return this.#phase = new GoodPhase();
  }

  async #run(transport: Transport): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const phase = this.#phase;
      const user_id = `good-${this.#sent++ % 50}`;
      const body = JSON.stringify([{ event_type: "good", user_id, game_id: "drill-sockets" }]);
      const sentAt = performance.now();
      const answer = await transport.send(body, false).catch(() => undefined);
      phase.latency.record(performance.now() - sentAt);
      phase[answer?.status === 202 ? "accepted" : "refused"]++;
      await sleep(pauseMs);
    }
    transport.close();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}
