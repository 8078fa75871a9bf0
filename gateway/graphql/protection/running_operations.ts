/**
 * Operations under way: how many a key or user may have at once, and how long one may take.
 *
 * @module
 */
import type { GraphQLError } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { graphqlError } from "../errors.ts";

/** What executing yields: a result, or a stream of them. */
export type Outcome = unknown;

export interface RunningOptions {
  /** @default limits.graphqlOperationMsMax */
  readonly operationMs?: number | undefined;
  /** @default limits.graphqlQueriesPerKeyMax */
  readonly queriesMax?: number | undefined;
  /** @default limits.graphqlSubscriptionsPerKeyMax */
  readonly subscriptionsMax?: number | undefined;
}

/** Counts what runs by whom. */
class Slots {
  readonly #taken = new Map<string, number>();

  constructor(readonly max: number) {}

  get size(): number {
    return this.#taken.size;
  }

  /** @returns gives the slot back, once; `undefined`: there is none */
  take(who: string): (() => void) | undefined {
    const taken = this.#taken.get(who) ?? 0;
    if (taken >= this.max) return undefined;
    this.#taken.set(who, taken + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      const left = this.#taken.get(who)! - 1;
      if (left === 0) this.#taken.delete(who);
      else this.#taken.set(who, left);
    };
  }
}

const failed = (error: GraphQLError): Outcome => ({ errors: [error] });

function tooMany(what: string, max: number): Outcome {
  const message = `A key may have ${max} ${what} at once: wait for one to end`;
  return failed(graphqlError("TOO_MANY_OPERATIONS", message, { http: { status: 429 } }));
}

const isStream = (outcome: Outcome): outcome is AsyncIterable<unknown> =>
  typeof outcome === "object" && outcome !== null && Symbol.asyncIterator in outcome;

/** The same stream; `onEnd` is called once it has ended from either side. */
function ending<T>(stream: AsyncIterable<T>, onEnd: () => void): AsyncIterableIterator<T> {
  const inner = stream[Symbol.asyncIterator]();
  const iterator: AsyncIterableIterator<T> = {
    async next() {
      try {
        const result = await inner.next();
        if (result.done) onEnd();
        return result;
      } catch (error) {
        onEnd();
        throw error;
      }
    },
    async return() {
      onEnd();
      return await inner.return?.() ?? { done: true, value: undefined };
    },
    async throw(error) {
      onEnd();
      if (inner.throw === undefined) throw error;
      return await inner.throw(error);
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

/** Runs the operations of one gateway. */
export class RunningOperations {
  readonly #queries: Slots;
  readonly #subscriptions: Slots;
  readonly #operationMs: number;

  constructor(options: RunningOptions = {}) {
    const { operationMs, queriesMax, subscriptionsMax } = options;
    this.#operationMs = operationMs ?? limits.graphqlOperationMsMax;
    this.#queries = new Slots(queriesMax ?? limits.graphqlQueriesPerKeyMax);
    this.#subscriptions = new Slots(subscriptionsMax ?? limits.graphqlSubscriptionsPerKeyMax);
  }

  /** Whoever has something under way. */
  get size(): number {
    return this.#queries.size + this.#subscriptions.size;
  }

  /**
   * Executes a query. One that takes too long is answered as an error, `TIMEOUT`; its place is free
   * once its work has ended, too.
   */
  async query(who: string, execute: () => Outcome | Promise<Outcome>): Promise<Outcome> {
    const leave = this.#queries.take(who);
    if (leave === undefined) return tooMany("queries", this.#queries.max);
    const work = (async () => await execute())().finally(leave);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => {
        // Its answer is waited for by nobody.
        work.catch(() => {});
        const message = `The operation was not done after ${this.#operationMs} ms: ask for less`;
        resolve(failed(graphqlError("TIMEOUT", message, { http: { spec: true, status: 503 } })));
      }, this.#operationMs);
    });
    return await Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  /** Opens a subscription, which is counted until its stream has ended. */
  async subscription(who: string, subscribe: () => Outcome | Promise<Outcome>): Promise<Outcome> {
    const leave = this.#subscriptions.take(who);
    if (leave === undefined) return tooMany("subscriptions", this.#subscriptions.max);
    let outcome: Outcome;
    try {
      outcome = await subscribe();
    } catch (error) {
      leave();
      throw error;
    }
    if (isStream(outcome)) return ending(outcome, leave);
    leave();
    return outcome;
  }
}
