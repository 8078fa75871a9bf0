/**
 * A client that sends one event after the other, to learn when a platform accepts again. What it was
 * promised is remembered and checked like everything else.
 *
 * @module
 */
import type postgres from "postgres";
import type { Site } from "./site.ts";

const pauseMs = 15;
const timeoutMs = 2_000;

export class Probe {
  readonly #acked: string[] = [];
  #sent = 0;

  /** @param prefix of its event ids and user */
  constructor(readonly site: Site, readonly prefix: string) {}

  /** How many events were acknowledged. */
  get acked(): number {
    return this.#acked.length;
  }

  /** Sends one event. @returns the status, 0 when no answer came */
  async send(): Promise<number> {
    const id = `${this.prefix}-${this.#sent++}`;
    const event = {
      event_id: id,
      event_type: "probe",
      user_id: this.prefix,
      game_id: "drill-probe",
    };
    try {
      const response = await fetch(new URL("/api/v1/events", this.site.url), {
        method: "POST",
        headers: {
          authorization: `Bearer ${this.site.key}`,
          "content-type": "application/json",
          // A pooled connection to a process that was killed would only be found out by failing.
          connection: "close",
        },
        body: JSON.stringify(event),
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.text();
      if (response.status === 202) this.#acked.push(id);
      return response.status;
    } catch {
      return 0;
    }
  }

  /**
   * Sends until an event is accepted.
   *
   * @returns `performance.now()` when its 202 was here; `undefined`: not within `limitMs`
   */
  async accepted(limitMs: number): Promise<number | undefined> {
    const deadline = performance.now() + limitMs;
    while (performance.now() < deadline) {
      if (await this.send() === 202) return performance.now();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    return undefined;
  }

  /** Acknowledged events that the journal does not hold exactly once. */
  async wrong(sql: postgres.Sql): Promise<number> {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from unnest(${this.#acked}::text[]) as a(id)
      where (select count(*) from player_events e
        where e.user_id = ${this.prefix} and e.event_id = a.id) <> 1`;
    return row!.n;
  }
}
