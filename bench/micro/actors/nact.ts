/**
 * The counter on nact: a persistent actor a player, with an engine that keeps rows in memory. nact has
 * no workers: asks stay in the thread.
 *
 * @module
 */
import * as nact from "nact";
import type { Contestant } from "./contestant.ts";
import { type Count, count, decodeCount, encodeCount, newCount, playerName } from "./counter.ts";
import { inWindows } from "./ours.ts";

/** The part of nact that is used; its own types cannot express a persistent actor's context. */
interface Api {
  start(...plugins: unknown[]): object;
  stop(system: object): void;
  configurePersistence(engine: object): unknown;
  spawnPersistent(
    system: object,
    receive: (state: Count, message: Message, ctx: Context) => Promise<Count>,
    key: string,
    name: string,
    options: object,
  ): object;
  dispatch(actor: object, message: Message): void;
  query(actor: object, message: (sender: object) => Message, timeoutMs: number): Promise<number>;
}

interface Message {
  readonly eventId?: string;
  readonly value?: string;
  readonly sender?: object;
}

interface Context {
  readonly recovering?: boolean;
  persist(message: Message): Promise<void>;
}

const api = nact as unknown as Api;

/** Rows and snapshots in memory. */
class Engine {
  readonly rows: unknown[] = [];
  readonly snapshots = new Map<string, object>();

  events() {
    return [];
  }
  latestSnapshot(key: string) {
    return Promise.resolve(this.snapshots.get(key));
  }
  takeSnapshot() {
    return Promise.resolve();
  }
  persist(event: unknown) {
    this.rows.push(event);
    return Promise.resolve();
  }
}

async function receive(state: Count, message: Message, ctx: Context): Promise<Count> {
  if (message.sender !== undefined) {
    api.dispatch(message.sender, state.n as never);
    return state;
  }
  if (count(state, message.eventId!)) await ctx.persist(message);
  return state;
}

const timeoutMs = 600_000;
const asking = (sender: object): Message => ({ sender });

function newSystem(engine = new Engine()) {
  const system = api.start(api.configurePersistence(engine));
  const spawn = (i: number) =>
    api.spawnPersistent(system, receive, playerName(i), playerName(i), {
      initialStateFunc: newCount,
      snapshotDecoder: decodeCount,
    });
  return { system, spawn };
}

export const onNact: Contestant = {
  name: "nact 7.6.2",
  async apply(inputs, timed) {
    const { system, spawn } = newSystem();
    const actors = new Map<string, object>();
    await timed(async () => {
      for (const { record: { value }, event } of inputs) {
        let actor = actors.get(event.user_id);
        if (actor === undefined) actors.set(event.user_id, actor = spawn(actors.size));
        api.dispatch(actor, { eventId: event.event_id, value });
      }
      await Promise.all([...actors.values()].map((a) => api.query(a, asking, timeoutMs)));
    });
    let sum = 0;
    for (const actor of actors.values()) sum += await api.query(actor, asking, timeoutMs);
    api.stop(system);
    return sum;
  },
  async ask(asks, timed) {
    const { system, spawn } = newSystem();
    const actors = Array.from({ length: 1000 }, (_, i) => spawn(i));
    await Promise.all(actors.map((actor) => api.query(actor, asking, timeoutMs)));
    await timed(() =>
      inWindows(asks, (i) => api.query(actors[i % actors.length]!, asking, timeoutMs))
    );
    api.stop(system);
  },
  async spawn(actors, timed) {
    const engine = new Engine();
    const one = newCount();
    count(one, "0190f3a1-7b2c-7000-8000-000000000000");
    for (let i = 0; i < actors; i++) {
      const key = playerName(i);
      engine.snapshots.set(key, { data: encodeCount(one), sequenceNumber: 1, key, createdAt: 0 });
    }
    const { system, spawn } = newSystem(engine);
    const counts = await timed(() =>
      Promise.all(
        Array.from({ length: actors }, (_, i) => api.query(spawn(i), asking, timeoutMs)),
      )
    );
    api.stop(system);
    return counts.filter((n) => n === 1).length;
  },
  async hold(actors) {
    const { system, spawn } = newSystem();
    const refs = Array.from({ length: actors }, (_, i) => spawn(i));
    refs.forEach((actor, i) => api.dispatch(actor, { eventId: `0190f3a1-7b2c-7000-8000-${i}` }));
    await Promise.all(refs.map((actor) => api.query(actor, asking, timeoutMs)));
    return () => {
      api.stop(system);
      return refs.length;
    };
  },
};
