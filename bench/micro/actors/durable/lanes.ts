/**
 * Sends requests of one event each, a fixed number of them under way.
 *
 * @module
 */
import { Histogram, type Quantiles } from "../../../load/client/histogram.ts";
import { HttpConnection } from "../../../load/client/http_connection.ts";
import type { Answer, Target } from "../../../load/client/transport.ts";
import type { Span } from "./contestant.ts";

const expiryMs = 500;

export class Lanes {
  readonly #connections: HttpConnection[];
  readonly #expiry: ReturnType<typeof setInterval>;

  constructor(target: Target, concurrency: number) {
    this.#connections = Array.from({ length: concurrency }, () => new HttpConnection(target));
    this.#expiry = setInterval(() => {
      for (const connection of this.#connections) connection.expire(performance.now());
    }, expiryMs);
  }

  /** Sends each of the span and hands on the answers. @returns what a request took */
  async send(
    { first, count }: Span,
    one: (connection: HttpConnection, n: number) => Promise<Answer>,
    done: (answer: Answer, n: number) => void,
  ): Promise<Quantiles> {
    const histogram = new Histogram();
    let next = first;
    await Promise.all(this.#connections.map(async (connection) => {
      while (next < first + count) {
        const n = next++;
        const startedAt = performance.now();
        const answer = await one(connection, n);
        histogram.record(performance.now() - startedAt);
        done(answer, n);
      }
    }));
    return histogram.quantiles();
  }

  close(): void {
    clearInterval(this.#expiry);
    for (const connection of this.#connections) connection.close();
  }
}

/** @throws {Error} the answer is another */
export function expectStatus(wanted: number): (answer: Answer, n: number) => void {
  return ({ status, body }, n) => {
    if (status !== wanted) throw new Error(`Event ${n} was answered ${status}: ${body}`);
  };
}
