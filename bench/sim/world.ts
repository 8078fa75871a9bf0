/**
 * One simulated run: the real shards on an in-memory log and store, in virtual time, under seeded
 * faults; then fair weather until everything is applied.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import type { PlayerEvent } from "../../schema/event.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";
import { type Topics, topicTable } from "../../schema/topics.ts";
import { MemoryLog } from "../../supervisor/log/memory_log.ts";
import { Shard } from "../../supervisor/shard/shard.ts";
import { gameStage, playerStage } from "../../supervisor/shard/stages.ts";
import type { Stage } from "../../supervisor/shard/stage.ts";
import { MemoryStore } from "../../supervisor/store/memory_store.ts";
import { Random } from "../load/generator/random.ts";
import { fair, type FaultCounts, Incarnation, type Weather } from "./faulty_ports.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { makeEvents, toRecord } from "./workload.ts";

const startMs = Date.UTC(2026, 0, 15, 12);
/** Virtual time that a healed world may take to apply everything. */
const healMsMax = 60_000;

/** Defects that the simulator must be able to find; test-only. */
export interface Mutations {
  /** Builds the player stage; a mutation hands in one that is broken. */
  readonly player?: () => Stage;
  /** Makes the store; a mutation hands in one that breaks a promise. */
  readonly makeStore?: () => MemoryStore;
}

export interface RunCounts extends FaultCounts {
  crashes: number;
  zombies: number;
  retakes: number;
  sent: number;
}

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
  readonly counts: RunCounts = {
    failedBefore: 0,
    failedAfter: 0,
    crashes: 0,
    zombies: 0,
    retakes: 0,
    sent: 0,
  };
  readonly acked = new Map<string, PlayerEvent>();
  readonly unknown = new Set<string>();
  readonly stop = new AbortController();
  #hash = "";
  shards: Shard[] = [];
  readonly #lives: Incarnation[] = [];

  constructor(readonly seed: number, readonly mutations: Mutations) {
    this.random = new Random(seed);
    const table = topicTable(2);
    this.topics = { ...table, "game.deltas": { ...table["game.deltas"], partitions: 1 } };
    this.log = new MemoryLog({ topics: this.topics, now: () => this.clock.now() });
    this.store = mutations.makeStore?.() ?? new MemoryStore();
    this.weather = {
      logError: this.random.unit() * 0.1,
      storeError: this.random.unit() * 0.1,
      latencyMsMax: 1 + this.random.unit() * 40,
    };
  }

  get traceHash(): string {
    return this.#hash;
  }

  readonly trace = (entry: string) => {
    this.#hash = fingerprintHex(this.#hash + entry);
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
    for (const shard of this.shards) this.#keepRunning(shard, life);
    return life;
  }

  /** What the supervisor would do: a shard that fails is started again, but not one that is fenced. */
  async #keepRunning(shard: Shard, life: Incarnation): Promise<void> {
    while (life.alive && !this.stop.signal.aborted) {
      try {
        await shard.run(this.stop.signal, life.kill.signal);
      } catch (error) {
        this.trace(`${(error as Error).name}@${this.clock.now()}`);
        if ((error as Error).name === "Fenced") return;
        await this.clock.sleep(100);
      }
    }
  }

  /** A client: sends until it is told that the events are durable. */
  async send(events: readonly PlayerEvent[]): Promise<void> {
    const life = this.life(this.weather);
    const log = life.log(this.log);
    const { partitions } = this.topics["player.events.raw"];
    const records = events.map((event) => toRecord(event, partitions));
    for (let attempt = 0; attempt < 20; attempt++) {
      this.counts.sent += events.length;
      try {
        await log.append("player.events.raw", records);
        for (const event of events) this.acked.set(`${event.user_id} ${event.event_id}`, event);
        return;
      } catch (error) {
        if (!(error instanceof Unavailable || error instanceof OutcomeUnknown)) throw error;
        await this.clock.sleep(this.random.unit() * 200);
      }
    }
    for (const event of events) this.unknown.add(`${event.user_id} ${event.event_id}`);
  }

  async clients(events: readonly PlayerEvent[], duplicateShare: number): Promise<void> {
    const sends: Promise<void>[] = [];
    const pause = this.random.chance(.3) ? this.random.below(events.length) : -1;
    for (let i = 0; i < events.length;) {
      const count = 1 + this.random.below(8);
      const batch = events.slice(i, i + count);
      for (let d = 0; d < i; d++) {
        if (this.random.chance(duplicateShare / 40)) batch.push(events[d]!);
      }
      sends.push(this.send(batch));
      // Sometimes everybody falls silent for long enough that sessions end by their timers.
      const silent = pause >= i && pause < i + count;
      await this.clock.sleep(silent ? limits.sessionSilenceMs + 5_000 : this.random.unit() * 60);
      i += count;
    }
    await Promise.all(sends);
  }

  /** Kills or freezes the process at random moments while the clients send. */
  async chaos(crashes: number): Promise<Incarnation> {
    let life = this.boot(this.weather);
    for (let i = 0; i < crashes; i++) {
      await this.clock.sleep(20 + this.random.unit() * 600);
      if (this.random.chance(.3)) this.counts.zombies++;
      else {
        life.die();
        this.counts.crashes++;
      }
      await this.clock.sleep(this.random.unit() * 50);
      life = this.boot(this.weather);
    }
    return life;
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

/** Runs one seed. */
export async function runSeed(seed: number, mutations: Mutations = {}): Promise<World> {
  const sim = new Simulation(seed, mutations);
  const events = makeEvents(sim.random, 40 + sim.random.below(120), startMs);
  let sent = false;
  let last: Incarnation | undefined;
  const clients = sim.clients(events, sim.random.unit() * 0.5).then(() => sent = true);
  const chaos = sim.chaos(sim.random.below(6)).then((life) => last = life);
  await sim.clock.runUntil(() => sent && last !== undefined, 4 * 3_600_000);
  await Promise.all([clients, chaos]);
  last!.die();
  sim.boot(fair);
  const converged = await sim.clock.runUntil(() => sim.isSettled(), healMsMax);
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
