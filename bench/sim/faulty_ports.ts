/**
 * Log and store as a process sees them on a bad day: slow, failing before or after the effect, and
 * gone with the process.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import type { Log } from "../../supervisor/log/log.ts";
import type { Clock } from "../../supervisor/shard/clock.ts";
import type { Store } from "../../supervisor/store/store.ts";
import type { Random } from "../load/generator/random.ts";

/** Shares in [0, 1] of the calls that fail, and the longest latency. */
export interface Weather {
  logError: number;
  storeError: number;
  latencyMsMax: number;
  /** Requests of clients, or the answers to them, that the network loses. */
  loss: number;
  /** Requests that arrive a second time. */
  duplication: number;
  /** Requests that are overtaken by later ones. */
  reorder: number;
}

export const fair: Weather = {
  logError: 0,
  storeError: 0,
  latencyMsMax: 3,
  loss: 0,
  duplication: 0,
  reorder: 0,
};

/** Counts that show that the faults were real. */
export interface FaultCounts {
  failedBefore: number;
  failedAfter: number;
  /** Deaths in the middle of a call, before or after its effect. */
  crashesInCall: number;
}

/** One life of the process. Once dead, none of its calls has an effect or returns. */
export class Incarnation {
  alive = true;
  readonly kill = new AbortController();
  /** It stands still until then, milliseconds of its clock. */
  pausedUntil = -Infinity;
  #calls = 0;
  #dieAt = Infinity;

  constructor(
    readonly clock: Clock,
    readonly random: Random,
    readonly weather: Weather,
    readonly counts: FaultCounts,
    readonly trace: (entry: string) => void,
  ) {}

  die(): void {
    this.alive = false;
    this.kill.abort();
  }

  /** Lets it die in the n-th call from now. */
  dieInCall(n: number): void {
    this.#dieAt = this.#calls + n;
  }

  async #pause(): Promise<void> {
    await this.clock.sleep(this.random.unit() * this.weather.latencyMsMax);
    while (this.alive && this.pausedUntil > this.clock.now()) {
      await this.clock.sleep(this.pausedUntil - this.clock.now());
    }
    if (!this.alive) await new Promise<never>(() => {});
  }

  async #dieHere(): Promise<never> {
    this.counts.crashesInCall++;
    this.die();
    return await new Promise<never>(() => {});
  }

  /** Runs `effect` between two latencies; fails before it, or after it when it is a write. */
  async #call<T>(
    name: string,
    resource: "log" | "store",
    isWrite: boolean,
    effect: () => Promise<T>,
  ): Promise<T> {
    const share = resource === "log" ? this.weather.logError : this.weather.storeError;
    const isLast = ++this.#calls === this.#dieAt;
    const isBefore = isLast && this.random.chance(.5);
    await this.#pause();
    if (isBefore) await this.#dieHere();
    if (this.random.chance(share)) {
      this.counts.failedBefore++;
      throw new Unavailable(resource, `${name} failed before its effect (injected)`);
    }
    const value = await effect();
    this.trace(`${name}@${this.clock.now()}`);
    if (isLast) await this.#dieHere();
    await this.#pause();
    if (isWrite && this.random.chance(share)) {
      this.counts.failedAfter++;
      throw new OutcomeUnknown(resource, `${name} failed after its effect (injected)`);
    }
    return value;
  }

  log(log: Log): Log {
    return {
      append: (topic, records) =>
        this.#call(
          `append ${topic} ${records.length}`,
          "log",
          true,
          () => log.append(topic, records),
        ),
      fetch: (topic, partition, offset, maxBytes, signal) =>
        this.#call(
          `fetch ${topic}/${partition}@${offset}`,
          "log",
          false,
          () => log.fetch(topic, partition, offset, maxBytes, signal),
        ),
      ends: (topic) => log.ends(topic),
      trim: (topic, partition, before) => log.trim(topic, partition, before),
      close: () => Promise.resolve(),
    };
  }

  store(store: Store): Store {
    return {
      takeShard: (stage, partition, ...owner) =>
        this.#call(
          `take ${stage}/${partition}`,
          "store",
          false,
          () => store.takeShard(stage, partition, ...owner),
        ),
      load: (stage, partition, ids, asOf) =>
        this.#call(
          `load ${ids.length}`,
          "store",
          false,
          () => store.load(stage, partition, ids, asOf),
        ),
      commit: (batch) =>
        this.#call(
          `commit ${batch.stage}/${batch.partition} ${batch.oldOffset}-${batch.newOffset}`,
          "store",
          true,
          () => store.commit(batch),
        ),
      behind: (stage, partition) =>
        this.#call("behind", "store", false, () => store.behind(stage, partition)),
      snapshotted: (stage, partition, after, limit) =>
        this.#call(
          "snapshotted",
          "store",
          false,
          () => store.snapshotted(stage, partition, after, limit),
        ),
      shardHash: (stage, partition) =>
        this.#call("hash", "store", false, () => store.shardHash(stage, partition)),
      resetShardHash: (stage, partition) =>
        this.#call("reset hash", "store", false, () => store.resetShardHash(stage, partition)),
      dueTimers: (stage, partition, now, limit) =>
        this.#call("timers", "store", false, () => store.dueTimers(stage, partition, now, limit)),
      downWatches: (stage, partition, limit) =>
        this.#call("downs", "store", false, () => store.downWatches(stage, partition, limit)),
      endWatches: (stage, partition, watches) =>
        this.#call(
          "end watches",
          "store",
          true,
          () => store.endWatches(stage, partition, watches),
        ),
      close: () => Promise.resolve(),
    };
  }
}
