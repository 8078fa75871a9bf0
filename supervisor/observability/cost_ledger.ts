/**
 * What each actor costs: events, bytes of their text, processor time, effects. It is kept by
 * sampling, in a fixed amount of memory, so that nobody pays for it: an ordinary event costs one
 * decrement. Figures cover the last five to ten minutes, so that who is hot now stands first.
 *
 * @module
 */
import { SpaceSaving } from "./space_saving.ts";
import type { Stage } from "../shard/stage.ts";
import type { CommitBatch } from "../store/store.ts";

/** What an actor has cost since `since`. Each figure is an estimate that errs upwards. */
export interface ActorCost {
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly events: number;
  readonly cpuUs: number;
  /** Text of its events, UTF-16 units. */
  readonly eventBytes: number;
  readonly effects: number;
}

/** What all actors of a shard have cost since `since`. */
export interface ShardCost {
  events: number;
  cpuUs: number;
}

/** What actors can be ordered by. */
export type CostMeasure = "events" | "cpuUs";

/** What all actors of a ledger have cost, and the costliest of them. */
export interface CostTop {
  readonly total: number;
  readonly items: readonly { readonly id: string; readonly cost: ActorCost }[];
}

export interface CostLedgerOptions {
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** 0 to 1. @default Math.random */
  readonly random?: () => number;
  /** Time after which what came before begins to be forgotten, milliseconds. @default 300000 */
  readonly windowMs?: number;
  /** Actors held for each measure. @default 1000 */
  readonly capacity?: number;
}

/** On average one message in so many is timed, where messages are many. */
const timedEvery = 61;

/** Rows of a commit that are looked at; of a longer one, evenly spread, each for its neighbours too. */
const rowsPerCommitMax = 100;

interface Window {
  readonly since: number;
  /** What all actors of a shard have cost, by its partition. */
  readonly shards: Map<number, ShardCost>;
  /** Beside them the bytes of their text. */
  readonly events: SpaceSaving;
  /** Beside it the effects. */
  readonly cpuUs: SpaceSaving;
}

export class CostLedger {
  readonly #options: Required<CostLedgerOptions>;
  #current: Window;
  #last: Window | undefined;

  constructor(options: CostLedgerOptions) {
    this.#options = { random: Math.random, windowMs: 300_000, capacity: 1000, ...options };
    this.#current = this.#window();
  }

  #window(): Window {
    const { now, capacity } = this.#options;
    return {
      since: now(),
      shards: new Map(),
      events: new SpaceSaving(capacity),
      cpuUs: new SpaceSaving(capacity),
    };
  }

  /** The stage with a `receive` that times some of its messages. */
  timed(stage: Stage): Stage {
    const { behaviour } = stage;
    const isJournal = behaviour.durability === "journal";
    // A game's messages are few and folded: each counts, as no row tells of them.
    const every = isJournal ? timedEvery : 1;
    const { random } = this.#options;
    let left = every;
    const receive: typeof behaviour.receive = (state, message, ctx) => {
      if (--left > 0) return behaviour.receive(state, message, ctx);
      // Of random length, so that no rhythm of the input hides from it.
      left = every === 1 ? 1 : 1 + Math.floor(random() * (2 * every - 1));
      const startedAt = performance.now();
      const effects = behaviour.receive(state, message, ctx);
      // A clock too coarse for it must not make a message free.
      const cpuUs = Math.max(0.1, (performance.now() - startedAt) * 1000);
      this.#current.cpuUs.add(ctx.actorId, cpuUs * every, (effects?.length ?? 0) * every);
      this.#shard(ctx.partition).cpuUs += cpuUs * every;
      if (!isJournal) {
        this.#current.events.add(ctx.actorId, 1);
        this.#shard(ctx.partition).events++;
      }
      return effects;
    };
    return { ...stage, behaviour: { ...behaviour, receive } };
  }

  /** Counts a commit's rows. Costs the same for a long one as for one of 100 rows. */
  committed({ rows, partition }: CommitBatch): void {
    const { now, windowMs, random } = this.#options;
    if (now() - this.#current.since >= windowMs) {
      this.#last = this.#current;
      this.#current = this.#window();
    }
    if (rows.length === 0) return;
    this.#shard(partition).events += rows.length;
    const { events } = this.#current;
    const step = Math.ceil(rows.length / rowsPerCommitMax);
    for (let i = step === 1 ? 0 : Math.floor(random() * step); i < rows.length; i += step) {
      const { actorId, value } = rows[i]!;
      events.add(actorId, step, value.length * step);
    }
  }

  /** What an actor has cost; zeros for one that is not among the costly. */
  of(id: string): ActorCost {
    const windows = this.#windows();
    const cost = { events: 0, cpuUs: 0, eventBytes: 0, effects: 0 };
    for (const window of windows) {
      const [events, cpu] = [window.events.get(id), window.cpuUs.get(id)];
      cost.events += events?.weight ?? 0;
      cost.eventBytes += events?.beside ?? 0;
      cost.cpuUs += Math.round(cpu?.weight ?? 0);
      cost.effects += cpu?.beside ?? 0;
    }
    return { since: windows[0]!.since, ...cost };
  }

  #shard(partition: number): ShardCost {
    const { shards } = this.#current;
    let cost = shards.get(partition);
    if (cost === undefined) shards.set(partition, cost = { events: 0, cpuUs: 0 });
    return cost;
  }

  /** What the actors of a shard have cost, all together. */
  ofShard(partition: number): Readonly<ShardCost> & { readonly since: number } {
    const windows = this.#windows();
    const costs = windows.flatMap(({ shards }) => shards.get(partition) ?? []);
    return {
      since: windows[0]!.since,
      events: costs.reduce((sum, { events }) => sum + events, 0),
      cpuUs: costs.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
    };
  }

  /** The costliest actors by a measure, the costliest first. */
  top(measure: CostMeasure, limit: number): CostTop {
    const windows = this.#windows();
    const ids = new Set(windows.flatMap((w) => w[measure].top(limit * 2).map(({ key }) => key)));
    const items = [...ids].map((id) => ({ id, cost: this.of(id) }))
      .sort((a, b) => b.cost[measure] - a.cost[measure] || (a.id < b.id ? -1 : 1))
      .slice(0, limit);
    return { total: windows.reduce((sum, window) => sum + window[measure].total, 0), items };
  }

  /** The windows that count, the older first. */
  #windows(): Window[] {
    const { now, windowMs } = this.#options;
    const last = this.#last;
    const isRecent = last !== undefined && now() - this.#current.since < 2 * windowMs;
    return isRecent ? [last, this.#current] : [this.#current];
  }
}
