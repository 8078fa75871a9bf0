/**
 * One simulated run: the real shards on an in-memory log and store, in virtual time, under seeded
 * faults; then fair weather until everything is applied.
 *
 * @module
 */
import { Fenced, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { internalType, isInternal, type PlayerEvent } from "../../schema/event.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";
import { type Topics, topicTable } from "../../schema/topics.ts";
import { MemoryLog } from "../../supervisor/log/memory_log.ts";
import { Shard } from "../../supervisor/shard/shard.ts";
import { gameStage, playerStage } from "../../supervisor/shard/stages.ts";
import type { Stage } from "../../supervisor/shard/stage.ts";
import { isFinal } from "../../supervisor/worker/shard_child.ts";
import { MemoryStore } from "../../supervisor/store/memory_store.ts";
import { Random } from "../load/generator/random.ts";
import { fair, type FaultCounts, Incarnation, type Weather } from "./faulty_ports.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { makeEvents, toRecord } from "./workload.ts";

const startMs = Date.UTC(2026, 0, 15, 12);
/** Virtual time that a healed world may take to apply everything. */
const healMsMax = 60_000;

/** How long a client waits for an answer before it sends again. */
const clientTimeoutMs = 150;
/** How long a crash in a call is waited for before the process is killed anyway. */
const crashMsMax = 2_000;

/** Defects that the simulator must be able to find; test-only. */
export interface Mutations {
  /** Builds the player stage; a mutation hands in one that is broken. */
  readonly player?: () => Stage;
  /** Makes the store; a mutation hands in one that breaks a promise. */
  readonly makeStore?: () => MemoryStore;
}

export interface RunCounts extends FaultCounts {
  crashes: number;
  /** Lives that let go of their shards in order, with successors that did not always wait for it. */
  handOvers: number;
  /** Lives that went on beside their successors. */
  zombies: number;
  /** Lives that stood still for a while. */
  pauses: number;
  retakes: number;
  /** Shards that were told that another owner has them. */
  fenced: number;
  /** Events handed to the log or lost on the way, every copy counted. */
  sent: number;
  /** Requests, or answers to them, that were lost; arrived twice; were overtaken. */
  lost: number;
  duplicated: number;
  reordered: number;
  /** Ids that became another's, and that were given back. */
  merged: number;
  restored: number;
}

export const noCounts = (): RunCounts => ({
  failedBefore: 0,
  failedAfter: 0,
  crashesInCall: 0,
  crashes: 0,
  handOvers: 0,
  zombies: 0,
  pauses: 0,
  retakes: 0,
  fenced: 0,
  sent: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  merged: 0,
  restored: 0,
});

/** A finished run, for the checks. */
export interface World {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly log: MemoryLog;
  readonly store: MemoryStore;
  readonly topics: Topics;
  readonly shards: readonly Shard[];
  /** Events whose append was acknowledged, and those whose outcome the client never learnt. */
  readonly acked: ReadonlyMap<string, PlayerEvent>;
  readonly unknown: ReadonlySet<string>;
  readonly counts: RunCounts;
  /** Everything applied and published within {@link healMsMax}. */
  readonly converged: boolean;
  /** A hash of all calls with their virtual times. */
  readonly traceHash: string;
}

class Simulation {
  readonly random: Random;
  readonly clock = new VirtualClock(startMs);
  readonly topics: Topics;
  readonly log: MemoryLog;
  readonly store: MemoryStore;
  readonly weather: Weather;
  readonly counts = noCounts();
  readonly acked = new Map<string, PlayerEvent>();
  readonly unknown = new Set<string>();
  /** Stops the shards of the life that was booted last. */
  #stop = new AbortController();
  #hash = "";
  shards: Shard[] = [];
  /** Who has the shards by right. */
  #newest: Incarnation | undefined;
  readonly #lives: Incarnation[] = [];

  constructor(
    readonly seed: number,
    readonly mutations: Mutations,
    readonly onTrace: (entry: string) => void,
  ) {
    this.random = new Random(seed);
    const table = topicTable(2);
    this.topics = { ...table, "game.deltas": { ...table["game.deltas"], partitions: 1 } };
    // Whole milliseconds, as logs have them.
    const now = () => Math.floor(this.clock.now());
    this.log = new MemoryLog({ topics: this.topics, now });
    this.store = mutations.makeStore?.() ?? new MemoryStore(() => this.clock.now());
    this.weather = {
      logError: this.random.unit() * 0.1,
      storeError: this.random.unit() * 0.1,
      latencyMsMax: 1 + this.random.unit() * 40,
      loss: this.random.unit() * 0.3,
      duplication: this.random.unit() * 0.5,
      reorder: this.random.unit() * 0.5,
    };
  }

  get traceHash(): string {
    return this.#hash;
  }

  readonly trace = (entry: string) => {
    this.#hash = fingerprintHex(this.#hash + entry);
    this.onTrace(entry);
  };

  life(weather: Weather): Incarnation {
    const random = new Random(this.seed, this.#lives.length + 1);
    const life = new Incarnation(this.clock, random, weather, this.counts, this.trace);
    this.#lives.push(life);
    return life;
  }

  /** Starts all shards of a new process. */
  boot(weather: Weather): Incarnation {
    const life = this.life(weather);
    this.#newest = life;
    const [log, store] = [life.log(this.log), life.store(this.store)];
    const player = this.mutations.player?.() ?? playerStage();
    this.shards = ([[player, 2], [gameStage(), 1]] as const).flatMap(([stage, partitions]) =>
      Array.from({ length: partitions }, (_, partition) =>
        new Shard({
          stage,
          partition,
          owner: `life-${this.#lives.length}`,
          log,
          store,
          clock: this.clock,
          topics: this.topics,
          // Tight enough that actors are passivated while the run goes on.
          actorBytesMax: this.random.chance(.5) ? 6_000 : 1e9,
          events: { retaken: () => this.counts.retakes++ },
        }))
    );
    this.#stop = new AbortController();
    for (const shard of this.shards) this.#keepRunning(shard, life, this.#stop.signal);
    return life;
  }

  /** What the supervisor would do: a shard that fails is started again, but not when it is final. */
  async #keepRunning(shard: Shard, life: Incarnation, stop: AbortSignal): Promise<void> {
    while (life.alive && !stop.aborted) {
      try {
        await shard.run(stop, life.kill.signal);
      } catch (error) {
        this.trace(`${(error as Error).name}@${this.clock.now()}`);
        if (error instanceof Fenced) this.counts.fenced++;
        // One that stood still before it first took the shard takes it from its successors; he who has it by
        // right, as a lease would say, takes it again.
        const isRobbed = error instanceof Fenced && life === this.#newest;
        // A life that stood still finds trimmed what its successor has committed.
        if (isFinal(error) && !isRobbed) return;
        await this.clock.sleep(100);
      }
    }
  }

  /** A client: sends until it is told that the events are durable. */
  async send(events: readonly PlayerEvent[], delayMs = 0): Promise<void> {
    await this.clock.sleep(delayMs);
    const life = this.life(this.weather);
    const log = life.log(this.log);
    const { partitions } = this.topics["player.events.raw"];
    const records = events.map((event) => toRecord(event, partitions));
    for (let attempt = 0; attempt < 20; attempt++) {
      this.counts.sent += events.length;
      const isLost = this.random.chance(this.weather.loss);
      const arrives = !isLost || this.random.chance(.5);
      try {
        if (arrives) await log.append("player.events.raw", records);
      } catch (error) {
        if (!(error instanceof Unavailable || error instanceof OutcomeUnknown)) throw error;
        await this.clock.sleep(this.random.unit() * 200);
        continue;
      }
      if (!isLost) {
        for (const event of events) {
          if (!isInternal(event)) this.acked.set(`${event.user_id} ${event.event_id}`, event);
        }
        return;
      }
      this.counts.lost++;
      await this.clock.sleep(clientTimeoutMs);
    }
    for (const event of events) this.unknown.add(`${event.user_id} ${event.event_id}`);
  }

  async clients(events: readonly PlayerEvent[]): Promise<void> {
    const { random, weather, counts } = this;
    const sends: Promise<void>[] = [];
    const pause = random.chance(.3) ? random.below(events.length) : -1;
    for (let i = 0; i < events.length;) {
      const count = 1 + random.below(8);
      const batch = events.slice(i, i + count);
      // A client that has lost its memory sends old events among new ones.
      for (let d = 0; d < i; d++) {
        if (random.chance(weather.duplication / 40)) batch.push(events[d]!);
      }
      const isOvertaken = random.chance(weather.reorder);
      if (isOvertaken) counts.reordered++;
      sends.push(this.send(batch, isOvertaken ? random.unit() * 2_000 : 0));
      if (random.chance(weather.duplication)) {
        counts.duplicated++;
        sends.push(this.send(batch, random.unit() * 3_000));
      }
      // Sometimes everybody falls silent for long enough that sessions end by their timers.
      const silent = pause >= i && pause < i + count;
      await this.clock.sleep(silent ? limits.sessionSilenceMs + 5_000 : random.unit() * 60);
      i += count;
    }
    await Promise.all(sends);
  }

  /** What becomes of a life: it dies between two calls or in one, or stands still, or lives on. */
  async fate(life: Incarnation): Promise<void> {
    const { random, clock, counts } = this;
    const kind = random.below(12);
    if (kind >= 10) {
      // As among several nodes: released for the next one, which may take it by force meanwhile.
      counts.handOvers++;
      this.#stop.abort();
      await clock.sleep(random.unit() * 1_000);
    } else if (kind < 3) counts.zombies++;
    else if (kind < 5) {
      // Its successor starts while it stands still; when it wakes it knows nothing of that.
      counts.pauses++;
      counts.zombies++;
      life.pausedUntil = clock.now() + random.unit() * 20_000;
    } else if (kind < 6) {
      counts.pauses++;
      const pauseMs = random.unit() * 5_000;
      life.pausedUntil = clock.now() + pauseMs;
      await clock.sleep(pauseMs + random.unit() * 300);
      counts.zombies++;
    } else {
      counts.crashes++;
      if (kind < 9) {
        life.dieInCall(1 + random.below(40));
        const until = clock.now() + crashMsMax;
        while (life.alive && clock.now() < until) await clock.sleep(10);
      }
      life.die();
    }
  }

  /** Kills or freezes the process at random moments while the clients send. */
  async chaos(rounds: number): Promise<Incarnation> {
    let life = this.boot(this.weather);
    for (let i = 0; i < rounds; i++) {
      await this.clock.sleep(20 + this.random.unit() * 600);
      await this.fate(life);
      await this.clock.sleep(this.random.unit() * 50);
      life = this.boot(this.weather);
    }
    return life;
  }

  countMerges(): void {
    for (let partition = 0; partition < this.topics["player.events.raw"].partitions; partition++) {
      for (const { value } of this.store.rows("player", partition)) {
        if (!value.includes('"event_type":"$')) continue;
        const { event_type } = JSON.parse(value) as PlayerEvent;
        if (event_type === internalType.absorb) this.counts.merged++;
        else if (event_type === internalType.restore) this.counts.restored++;
      }
    }
  }

  /** Everything appended is applied, committed and published. */
  isSettled(): boolean {
    const ends = (topic: "player.events.raw" | "game.deltas") =>
      this.log.storage[topic].map((p) => p.start + p.records.length);
    return this.shards.every((shard) => {
      const report = shard.report();
      const topic = report.stage === "player" ? "player.events.raw" : "game.deltas";
      return report.nextOffset === ends(topic)[report.partition] && report.mailbox === 0 &&
        report.emitting === 0;
    });
  }
}

/**
 * Runs one seed.
 *
 * @param onTrace told of every call and failure. @default none
 */
export async function runSeed(
  seed: number,
  mutations: Mutations = {},
  onTrace: (entry: string) => void = () => {},
): Promise<World> {
  const sim = new Simulation(seed, mutations, onTrace);
  const events = makeEvents(sim.random, 40 + sim.random.below(120), startMs);
  let sent = false;
  let last: Incarnation | undefined;
  const clients = sim.clients(events).then(() => sent = true);
  const chaos = sim.chaos(sim.random.below(6)).then((life) => last = life);
  await sim.clock.runUntil(() => sent && last !== undefined, 4 * 3_600_000);
  await Promise.all([clients, chaos]);
  last!.die();
  sim.boot(fair);
  const converged = await sim.clock.runUntil(() => sim.isSettled(), healMsMax);
  sim.countMerges();
  const { clock, log, store, topics, shards, acked, unknown, counts, traceHash } = sim;
  return {
    seed,
    clock,
    log,
    store,
    topics,
    shards,
    acked,
    unknown,
    counts,
    converged,
    traceHash,
  };
}
