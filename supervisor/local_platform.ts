/**
 * The platform of one node: the gateway's wishes carried out on the log, the workers and the store.
 *
 * @module
 */
import { type DeadLetter, type PlayerEvent, playerId } from "../schema/event.ts";
import { partitionOf } from "../schema/partition.ts";
import type { Topics } from "../schema/topics.ts";
import type { Log, NewRecord } from "./log/log.ts";
import { currentTraceparent, startSend } from "./observability/trace.ts";
import type {
  ActorKind,
  Answer,
  AskMap,
  EventPage,
  PartHealth,
  Platform,
  RecordedEvent,
  Watch,
} from "./platform.ts";
import type { Clock } from "./shard/clock.ts";
import type { StageName } from "./store/store.ts";
import type { AskInput, ShardId } from "./worker/worker_protocol.ts";
import type { WatchHub } from "./worker/watch_hub.ts";

/** Calls the worker that owns a shard. */
export interface ShardCaller {
  call<T>(shard: ShardId, name: string, input: unknown): Promise<T>;
}

export interface LocalPlatformOptions {
  readonly log: () => Log;
  readonly topics: Topics;
  readonly shards: ShardCaller;
  readonly watches: WatchHub;
  readonly clock: Clock;
  readonly events: Platform["events"];
  readonly health: () => readonly PartHealth[];
}

/** The shard that owns an actor. Every kind of actor is the one of the stage of its name. */
export function shardOf(kind: ActorKind, id: string, topics: Topics): ShardId {
  const topic = kind === "player" ? "player.events.raw" : "game.deltas";
  const stage: StageName = kind;
  return { stage, partition: partitionOf(id, topics[topic].partitions) };
}

export class LocalPlatform implements Platform {
  constructor(readonly options: LocalPlatformOptions) {}

  accept(events: readonly PlayerEvent[]): Promise<void> {
    const { log, topics } = this.options;
    const { partitions } = topics["player.events.raw"];
    const span = startSend("player.events.raw", events.length, currentTraceparent());
    const trace = span?.traceparent;
    const records: NewRecord[] = new Array(events.length);
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!;
      const key = playerId(event);
      const partition = partitionOf(key, partitions);
      const value = JSON.stringify(event);
      records[i] = trace === undefined
        ? { partition, key, value }
        : { partition, key, value, trace };
    }
    const appended = log().append("player.events.raw", records);
    return span === undefined ? appended : span.during(appended);
  }

  reject(letters: readonly DeadLetter[]): Promise<void> {
    const { log, topics } = this.options;
    const { partitions } = topics["dlq.events"];
    const records = letters.map((letter) => {
      const key = `${letter.studio}/${letter.source}`;
      return {
        partition: partitionOf(letter.payload, partitions),
        key,
        value: JSON.stringify(letter),
      };
    });
    return log().append("dlq.events", records);
  }

  async ask<K extends ActorKind, Q extends AskMap[K]["query"]>(
    kind: K,
    id: string,
    query: Q,
    asOf?: number,
  ): Promise<Answer<K, Q> | null> {
    const shard = shardOf(kind, id, this.options.topics);
    const input: AskInput = {
      ...shard,
      actorId: id,
      query,
      now: asOf ?? this.options.clock.now(),
      asOf: asOf === undefined ? undefined : { receivedAt: asOf },
    };
    const answer = await this.options.shards.call<Answer<K, Q> | undefined>(shard, "ask", input);
    return answer ?? null;
  }

  events(...query: Parameters<Platform["events"]>): Promise<EventPage> {
    return this.options.events(...query);
  }

  watch(watch: Watch, signal: AbortSignal): AsyncIterable<RecordedEvent | null> {
    const spec = watch.type === "actor"
      ? { type: watch.type, stage: watch.kind, actorId: watch.id }
      : watch;
    return this.options.watches.watch(spec, signal);
  }

  health(): readonly PartHealth[] {
    return this.options.health();
  }
}
