/**
 * Honest clients beside an attack on the port: half of them keep their connections, half of them make
 * one for each event. The time to each answer is kept by phase, the making of the connection included.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Histogram } from "../../load/client/histogram.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { Shape } from "./shapes.ts";

const clientsOfEach = 4;
const pauseMs = 20;

/** What was measured in one phase. */
export class GoodPhase {
  readonly kept = new Histogram();
  readonly fresh = new Histogram();
  accepted = 0;
  /** Answers other than 202, and requests without one, by what was said. */
  readonly refused = new Map<string, number>();
}

export class GoodTraffic {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];
  #phase = new GoodPhase();
  #sent = 0;

  constructor(readonly shape: Shape) {
    this.#running = Array.from({ length: 2 * clientsOfEach }, (_, i) => this.#run(i % 2 === 0));
  }

  /** Begins another phase. @returns it; it is filled until the next begins */
  phase(): GoodPhase {
    return this.#phase = new GoodPhase();
  }

  async #run(isKept: boolean): Promise<void> {
    const { url, ca, site } = this.shape;
    const connection = new HttpConnection({
      url,
      key: site.key,
      ...(ca === undefined ? {} : { ca }),
    });
    while (!this.#stop.signal.aborted) {
      const phase = this.#phase;
      const user_id = `good-${this.#sent++ % 50}`;
      const body = JSON.stringify({ event_type: "good", user_id, game_id: "drill-edge" });
      const sentAt = performance.now();
      const said = await connection.send(body).then(({ status }) => `${status}`, String);
      phase[isKept ? "kept" : "fresh"].record(performance.now() - sentAt);
      if (said === "202") phase.accepted++;
      else phase.refused.set(said, (phase.refused.get(said) ?? 0) + 1);
      if (!isKept) connection.close();
      await sleep(pauseMs);
    }
    connection.close();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}
