/**
 * A log, a store and a clock in memory, and shards that run on them: for tests of the shard.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type DeadLetter, type PlayerEvent, playerId } from "../../../schema/event.ts";
import type { GameAnswers } from "../../../schema/queries/game_queries.ts";
import type { PlayerProfile } from "../../../schema/queries/player_queries.ts";
import { type TopicName, type Topics, topicTable } from "../../../schema/topics.ts";
import type { LogRecord } from "../../log/log.ts";
import { MemoryLog } from "../../log/memory_log.ts";
import { MemoryStore } from "../../store/memory_store.ts";
import type { CommitBatch } from "../../store/store.ts";
import { FakeClock } from "../../tree/tree_fakes.ts";
import { Shard } from "../shard.ts";
import type { ShardOptions } from "../shard_types.ts";
import type { Stage } from "../stage.ts";
import { gameStage, playerStage } from "../stages.ts";
import { Faults } from "./faults.ts";

/** One partition of each topic that shards read, so that every actor lives in partition 0. */
export const onePartition: Topics = {
  ...topicTable(1),
  "game.deltas": { ...topicTable(1)["game.deltas"], partitions: 1 },
};

let ids = 0;

/** An event of user `ann` in game `demo/g`, without a session, with a fresh id. */
export function rawEvent(fields: Partial<PlayerEvent> = {}): PlayerEvent {
  return {
    studio: "demo",
    event_id: `event-${++ids}`,
    event_type: "level.start",
    user_id: "ann",
    game_id: "g",
    timestamp: 0,
    properties: {},
    context: {},
    ...fields,
  };
}

/** A shard that runs, and how it ended. */
export interface Running {
  readonly shard: Shard;
  readonly stop: AbortController;
  readonly kill: AbortController;
  readonly commits: CommitBatch[];
  /** Errors of parked events, of retakes, and of calls that are tried again. */
  readonly parked: Error[];
  readonly retaken: Error[];
  readonly waits: Error[];
  /** `undefined` while it runs. */
  end: "returned" | Error | undefined;
}

/** Whom the text of an event is about, which is the key of its record; "demo/ann" if it does not say. */
export function playerIn(text: string): string {
  try {
    return playerId(JSON.parse(text));
  } catch {
    return "demo/ann";
  }
}

export class ShardWorld {
  readonly clock = new FakeClock();
  readonly log: MemoryLog = new MemoryLog({
    topics: onePartition,
    now: () => this.clock.now(),
  });
  readonly store = new MemoryStore(() => this.clock.now());
  readonly topics = onePartition;
  /** Faults of the shards' view of log and store. */
  readonly faults = new Faults();
  readonly #running: Running[] = [];

  /** Starts a shard of the stage's partition 0; by default the player stage. */
  start(options: Partial<ShardOptions> = {}): Running {
    const running: Running = {
      stop: new AbortController(),
      kill: new AbortController(),
      commits: [],
      parked: [],
      retaken: [],
      waits: [],
      end: undefined,
      shard: new Shard({
        stage: playerStage(),
        partition: 0,
        owner: `owner-${this.#running.length}`,
        log: this.faults.log(this.log),
        store: this.faults.store(this.store),
        clock: this.clock,
        topics: onePartition,
        actorBytesMax: 1e9,
        events: {
          committed: (batch) => running.commits.push(batch),
          parked: (_actor, error) => running.parked.push(error),
          retaken: (error) => running.retaken.push(error),
          waiting: (error) => running.waits.push(error),
        },
        ...options,
      }),
    };
    this.#running.push(running);
    running.shard.run(running.stop.signal, running.kill.signal).then(
      () => running.end = "returned",
      (error) => running.end = error,
    );
    return running;
  }

  startGame(options: Partial<ShardOptions> = {}): Running {
    return this.start({ stage: gameStage(), ...options });
  }

  /** Lets time pass until `done` holds; fails when it does not within `maxMs`. */
  async until(done: () => boolean, maxMs = 60_000, stepMs = 5): Promise<void> {
    const end = this.clock.now() + maxMs;
    await this.clock.advance(0);
    while (!done()) {
      assert.ok(this.clock.now() < end, `it did not happen within ${maxMs} ms: ${done}`);
      await this.clock.advance(stepMs);
    }
  }

  /** Appends events to the raw topic, as the gateway does. */
  async send(...events: PlayerEvent[]): Promise<void> {
    await this.sendText(...events.map((event) => JSON.stringify(event)));
  }

  async sendText(...values: string[]): Promise<void> {
    const records = values.map((value) => ({ partition: 0, key: playerIn(value), value }));
    await this.log.append("player.events.raw", records);
  }

  records(topic: TopicName): readonly LogRecord[] {
    return this.log.storage[topic].flatMap((partition) => partition.records);
  }

  /** Dead letters in the log. */
  letters(): DeadLetter[] {
    return this.records("dlq.events").map((record) => JSON.parse(record.value));
  }

  /** All that was sent is committed and published. */
  isSettled({ shard }: Running): boolean {
    const { stage, nextOffset, mailbox, emitting } = shard.report();
    const topic = stage === "player" ? "player.events.raw" : "game.deltas";
    const [partition] = this.log.storage[topic];
    return nextOffset === partition!.start + partition!.records.length && mailbox === 0 &&
      emitting === 0;
  }

  settled(...running: Running[]): Promise<void> {
    return this.until(() => running.every((r) => this.isSettled(r)));
  }

  /** Ends what runs, in order or at once, and fails when a shard does not come to its end. */
  async end(how: "stop" | "kill" = "stop"): Promise<void> {
    for (const running of this.#running) running[how].abort();
    await this.until(() => this.#running.every((running) => running.end !== undefined));
  }

  async stop(running: Running): Promise<void> {
    running.stop.abort();
    await this.until(() => running.end !== undefined);
  }

  async profile({ shard }: Running, user = "ann"): Promise<PlayerProfile | undefined> {
    const asked = shard.ask(`demo/${user}`, { type: "profile" }, this.clock.now());
    return await asked as PlayerProfile | undefined;
  }

  async totals({ shard }: Running, id = "g"): Promise<GameAnswers["totals"] | undefined> {
    const asked = shard.ask(`demo/${id}`, { type: "totals" }, this.clock.now());
    return await asked as GameAnswers["totals"] | undefined;
  }
}

/** The stage with another `receive`, called with the real one. */
export function wrapReceive(
  stage: Stage,
  wrap: (receive: Stage["behaviour"]["receive"]) => Stage["behaviour"]["receive"],
): Stage {
  const { behaviour } = stage;
  const receive = wrap((state, message, ctx) => behaviour.receive(state, message, ctx));
  return { ...stage, behaviour: { ...behaviour, receive } };
}
