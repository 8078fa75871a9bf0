/**
 * What actors write to players: internal events at the end of the raw topic, in the order they were sent.
 * Each carries where it comes from, and a reader takes what is newer than the last of that source only: so
 * each counts once, however often it is published.
 *
 * @module
 */
import type { SendEffect } from "../../../actors/kernel/behaviour.ts";
import { isInternal, type PlayerEvent } from "../../../schema/event.ts";
import { partitionOf } from "../../../schema/partition.ts";
import type { Topics } from "../../../schema/topics.ts";
import type { OutboxRecord, SourcePosition } from "../../store/store.ts";
import type { Decoded } from "../stage.ts";

interface Sent {
  readonly to: string;
  readonly eventType: string;
  /** Text already: what it was made of may change. */
  readonly properties: string;
  /** Offset of the message whose effect it is, and which of its messages this is. */
  readonly position: SourcePosition;
  /** Arrival of that message, milliseconds. */
  readonly at: number;
}

export class SentEvents {
  readonly #sent: Sent[] = [];

  get size(): number {
    return this.#sent.length;
  }

  /** @returns the length of its text, about */
  add({ to, eventType, properties }: SendEffect, offset: number, at: number): number {
    const last = this.#sent.at(-1)?.position;
    const index = last?.[0] === offset ? last[1] + 1 : 0;
    const text = JSON.stringify(properties);
    this.#sent.push({ to, eventType, properties: text, position: [offset, index], at });
    return text.length;
  }

  /** @param source `stage/partition` of the shard */
  records(source: string, topics: Topics): OutboxRecord[] {
    const topic = "player.events.raw";
    const { partitions } = topics[topic];
    return this.#sent.map((sent) => (
      {
        topic,
        partition: partitionOf(sent.to, partitions),
        key: sent.to,
        value: textOf(sent, source),
      }
    ));
  }
}

function textOf({ to, eventType, properties, position, at }: Sent, source: string): string {
  const slash = to.indexOf("/");
  const head = {
    studio: to.slice(0, slash),
    user_id: to.slice(slash + 1),
    game_id: "",
    event_id: `${source}:${position.join(":")}`,
    event_type: eventType,
    timestamp: at,
    context: { source, position },
  };
  return `${JSON.stringify(head).slice(0, -1)},"properties":${properties}}`;
}

/** Where an event was sent from; `undefined` for all that no actor has sent. */
export function sourceOf(event: PlayerEvent): Decoded<unknown>["source"] {
  if (!isInternal(event)) return undefined;
  const { source, position } = event.context;
  if (typeof source !== "string" || !Array.isArray(position)) return undefined;
  return { name: source, position: [Number(position[0]), Number(position[1])] };
}
