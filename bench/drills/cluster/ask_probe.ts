/**
 * A client that asks one node for players, whoever owns them, again and again while nodes come and go.
 *
 * @module
 */
import type { Site } from "../platform/site.ts";

const connections = 4;
const pauseMs = 5;

export class AskProbe {
  /** Answers; answers that ask to come back later; all else, with its text. */
  answered = 0;
  later = 0;
  readonly wrong: string[] = [];
  /** Of answers, milliseconds. */
  readonly tookMs: number[] = [];
  /** The longest time in which one player had no answer. */
  gapMsMax = 0;
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;

  constructor(readonly site: Site, readonly users: readonly string[]) {
    this.#done = Promise.all(Array.from({ length: connections }, (_, i) => this.#run(i)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(from: number): Promise<void> {
    for (let i = from; !this.#stop.signal.aborted; i += connections) {
      const user = this.users[i % this.users.length]!;
      await this.#ask(user, performance.now());
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Asks for one player until it is answered. */
  async #ask(user: string, startedAt: number): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const sentAt = performance.now();
      const verdict = await this.#post(user).catch((error) => String(error));
      const now = performance.now();
      this.gapMsMax = Math.max(this.gapMsMax, now - startedAt);
      if (verdict === "answered") {
        this.answered++;
        this.tookMs.push(now - sentAt);
        return;
      }
      if (verdict !== "later") return void this.wrong.push(verdict);
      this.later++;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #post(user: string): Promise<string> {
    const response = await fetch(new URL("/graphql", this.site.url), {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.site.key}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({
        query: "query($id:ID!){player(id:$id){eventsTotal}}",
        variables: { id: user },
      }),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    if (response.status === 503 || /"code":"unavailable"/i.test(text)) {
      return response.headers.has("retry-after") || response.status === 200
        ? "later"
        : `503 without Retry-After: ${text}`;
    }
    const isAnswer = response.status === 200 && JSON.parse(text).data?.player !== undefined &&
      !text.includes('"errors"');
    return isAnswer ? "answered" : `${response.status} ${text}`;
  }
}
