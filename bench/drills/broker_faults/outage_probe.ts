/**
 * A client that sends one event after the other and writes down how each was answered: while the
 * broker is away each must be a quick 503 that says when to come back.
 *
 * @module
 */
import type postgres from "postgres";
import { probeGame, wrongProbes } from "../platform/acked_probes.ts";
import type { Site } from "../platform/site.ts";

const pauseMs = 20;
const usersMax = 24;
const timeoutMs = 15_000;

/** How one event was answered. */
export interface ProbeAnswer {
  /** `performance.now()` */
  readonly sentAt: number;
  readonly tookMs: number;
  /** 0: no answer came. */
  readonly status: number;
  /** Seconds; `undefined`: the header is missing. */
  readonly retryAfter: number | undefined;
}

export class OutageProbe {
  readonly answers: ProbeAnswer[] = [];
  readonly #acked: string[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  /** @param url of the gateway. @param prefix of its event ids and users */
  constructor(readonly url: string, readonly site: Site, readonly prefix: string) {
    this.#done = this.#run();
  }

  get acked(): number {
    return this.#acked.length;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /** Answers to what was sent since a time. */
  since(at: number): ProbeAnswer[] {
    return this.answers.filter(({ sentAt }) => sentAt >= at);
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#stop.signal.aborted; n++) {
      const event_id = `${this.prefix}-${n}`;
      const sentAt = performance.now();
      const { status, retryAfter } = await this.#send(event_id, n)
        .catch(() => ({ status: 0, retryAfter: undefined }));
      if (status === 202) this.#acked.push(event_id);
      this.answers.push({ sentAt, tookMs: performance.now() - sentAt, status, retryAfter });
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #send(event_id: string, n: number) {
    const user_id = `${this.prefix}-${n % usersMax}`;
    const response = await fetch(new URL("/api/v1/events", this.url), {
      method: "POST",
      headers: { authorization: `Bearer ${this.site.key}`, "content-type": "application/json" },
      body: JSON.stringify({ event_id, event_type: "probe", user_id, game_id: probeGame }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    const seconds = response.headers.get("retry-after");
    const { status } = response;
    return { status, retryAfter: seconds === null ? undefined : Number(seconds) };
  }

  /** Acknowledged events that the journal does not hold exactly once. */
  wrong(sql: postgres.Sql): Promise<number> {
    return wrongProbes(sql, this.#acked);
  }
}
