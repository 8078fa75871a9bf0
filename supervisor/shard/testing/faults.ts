/**
 * Ports that fail on command: the n-th call, before or after its effect, or as long as a gate is
 * closed.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../../schema/errors.ts";
import type { Log } from "../../log/log.ts";
import type { Store } from "../../store/store.ts";

export interface Fault {
  readonly error: Error;
  /** The call takes effect and then fails. @default false */
  readonly isAfter?: boolean;
}

export const away = (resource = "store"): Fault => (
  { error: new Unavailable(resource, "injected: it is away") }
);
export const silent = (isAfter: boolean, resource = "store"): Fault => (
  { error: new OutcomeUnknown(resource, "injected: no answer"), isAfter }
);

/** The calls of one port, and what is to happen to the next ones. */
export class Faults {
  /** Names of the calls made so far. */
  readonly calls: string[] = [];
  readonly #next = new Map<string, Fault[]>();
  readonly #held = new Map<string, PromiseWithResolvers<void>>();
  /** Asked before each call, with its number from 0: a fault, or `dead` when it never returns. */
  onCall: (call: number, name: string) => Fault | "dead" | "deadAfter" | undefined = () =>
    undefined;

  /** The next calls of `name` fail, one by one. */
  fail(name: string, ...faults: Fault[]): void {
    this.#next.set(name, [...this.#next.get(name) ?? [], ...faults]);
  }

  /** Calls of `name` wait until the function returned is called, or {@link release}. */
  hold(name: string): () => void {
    this.#held.set(name, Promise.withResolvers<void>());
    return () => this.release(name);
  }

  release(name: string): void {
    this.#held.get(name)?.resolve();
    this.#held.delete(name);
  }

  count(name: string): number {
    return this.calls.filter((call) => call === name).length;
  }

  async run<T>(name: string, effect: () => Promise<T>): Promise<T> {
    const call = this.calls.push(name) - 1;
    await this.#held.get(name)?.promise;
    const fault = this.onCall(call, name) ?? this.#next.get(name)?.shift();
    if (fault === "dead") return await new Promise<never>(() => {});
    if (fault === "deadAfter") {
      await effect();
      return await new Promise<never>(() => {});
    }
    if (fault !== undefined && fault.isAfter !== true) throw fault.error;
    const value = await effect();
    if (fault !== undefined) throw fault.error;
    return value;
  }

  log(log: Log): Log {
    return {
      append: (topic, records) => this.run("append", () => log.append(topic, records)),
      fetch: (topic, partition, offset, maxBytes, signal) =>
        this.run("fetch", () => log.fetch(topic, partition, offset, maxBytes, signal)),
      ends: (topic) => log.ends(topic),
      trim: (topic, partition, before) =>
        this.run("trim", () => log.trim(topic, partition, before)),
      close: () => log.close(),
    };
  }

  store(store: Store): Store {
    return {
      takeShard: (...input) => this.run("takeShard", () => store.takeShard(...input)),
      load: (...input) => this.run("load", () => store.load(...input)),
      commit: (batch) => this.run("commit", () => store.commit(batch)),
      behind: (...input) => this.run("behind", () => store.behind(...input)),
      snapshotted: (...input) => this.run("snapshotted", () => store.snapshotted(...input)),
      shardHash: (...input) => this.run("shardHash", () => store.shardHash(...input)),
      resetShardHash: (...input) =>
        this.run("resetShardHash", () => store.resetShardHash(...input)),
      dueTimers: (...input) => this.run("dueTimers", () => store.dueTimers(...input)),
      downWatches: (...input) => this.run("downWatches", () => store.downWatches(...input)),
      endWatches: (...input) => this.run("endWatches", () => store.endWatches(...input)),
      close: () => store.close(),
    };
  }
}
