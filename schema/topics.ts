/**
 * The topic table: name, partition count, retention. The key of a record decides its partition.
 *
 * @module
 */
import { DAY_MS } from "./limits.ts";

export interface Topic {
  /** Fixed for the life of a deployment; the store remembers it and a start with another count is refused. */
  readonly partitions: number;
  /** Records older than this may be dropped once every stage has read them. */
  readonly retentionMs: number;
  /** What the record's key is. */
  readonly key: string;
  /** What the record's value is, with its version; changes when old readers cannot read it. */
  readonly schema: string;
}

const table = {
  "player.events.raw": {
    partitions: 12,
    retentionMs: 7 * DAY_MS,
    key: "studio/user_id",
    schema: "player-event/1",
  },
  "player.events.processed": {
    partitions: 6,
    retentionMs: 30 * DAY_MS,
    key: "studio/user_id",
    schema: "player-event/1",
  },
  "game.deltas": {
    partitions: 6,
    retentionMs: 7 * DAY_MS,
    key: "studio/game_id",
    schema: "game-deltas/1",
  },
  "dlq.events": {
    partitions: 3,
    retentionMs: 7 * DAY_MS,
    key: "studio/user_id",
    schema: "dead-letter/1",
  },
} as const satisfies Record<string, Topic>;

export type TopicName = keyof typeof table;

export const topicNames: readonly TopicName[] = Object.keys(table) as TopicName[];

/** The topics of one deployment: the table, with the raw topic's partition count from the configuration. */
export type Topics = Readonly<Record<TopicName, Topic>>;

/** @param rawPartitions partitions of `player.events.raw`. @default 12 */
export function topicTable(rawPartitions: number = table["player.events.raw"].partitions): Topics {
  return {
    ...table,
    "player.events.raw": { ...table["player.events.raw"], partitions: rawPartitions },
  };
}

/** What the values of a topic are, with the version. */
export function topicSchema(topic: TopicName): string {
  return table[topic].schema;
}
