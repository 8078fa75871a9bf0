/**
 * A client that sends one event after the other without rest, and keeps the latencies and answers of
 * each phase of a drill apart.
 *
 * @module
 */
import type postgres from "postgres";
import { Histogram } from "../../load/client/histogram.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import { probeGame, wrongProbes } from "./acked_probes.ts";
import type { Site } from "./site.ts";

const pauseMs = 10;
const usersMax = 24;

/** What was measured in one phase. */
export class Phase {
  readonly latency = new Histogram();
  accepted = 0;
  /** Answers other than 202, and requests without an answer. */
  refused = 0;
}

export class IngestProbe {
  readonly #acked: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #phase = new Phase();

  /** @param prefix of its event ids and users, who are spread over the partitions */
  constructor(readonly site: Site, readonly prefix: string) {
    this.#running = this.#run();
  }

  get acked(): number {
    return this.#acked.length;
  }

  /** Begins another phase. @returns it; it is filled until the next begins */
  phase(): Phase {
    return this.#phase = new Phase();
  }

  async #run(): Promise<void> {
    const connection = new HttpConnection(this.site.target);
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      const phase = this.#phase;
      const event_id = `${this.prefix}-${n}`;
      const user_id = `${this.prefix}-${n % usersMax}`;
      const event = { event_id, event_type: "probe", user_id, game_id: probeGame };
      const sentAt = performance.now();
      try {
        const { status } = await connection.send(JSON.stringify(event));
        if (status === 202) this.#acked.push(event_id);
        phase[status === 202 ? "accepted" : "refused"]++;
      } catch {
        phase.refused++;
      }
      phase.latency.record(performance.now() - sentAt);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    connection.close();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Acknowledged events that the journal does not hold exactly once. */
  wrong(sql: postgres.Sql): Promise<number> {
    return wrongProbes(sql, this.#acked);
  }
}
