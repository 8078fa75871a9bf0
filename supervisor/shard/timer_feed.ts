/**
 * Fires durable timers: a due row becomes an internal event at the end of the raw topic, without
 * loading its actor. A timer may fire twice (after a crash); the actor ignores what is stale.
 *
 * @module
 */
import { internalType, type PlayerEvent } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import type { Log, NewRecord } from "../log/log.ts";
import type { DueTimer, Store } from "../store/store.ts";
import { appendAtLeastOnce } from "./append.ts";
import type { Ownership } from "./ownership.ts";
import { runDownFeed } from "./restore/down_feed.ts";
import { retry, type RetryOptions } from "./retry.ts";
import type { ShardOptions } from "./shard_types.ts";
import type { Stage } from "./stage.ts";

export interface TimerFeedPorts {
  readonly store: Pick<Store, "dueTimers">;
  readonly log: Log;
}

function keyOf(timer: DueTimer): string {
  return `${timer.actorId}\n${timer.name}\n${timer.dueAt}`;
}

/** The event a timer becomes. Its id is a function of the timer. */
export function timerEvent(timer: DueTimer): PlayerEvent {
  const slash = timer.actorId.indexOf("/");
  return {
    studio: timer.actorId.slice(0, slash),
    user_id: timer.actorId.slice(slash + 1),
    game_id: "",
    event_id: `${timer.name}@${timer.dueAt}`,
    event_type: internalType.timer,
    timestamp: timer.dueAt,
    properties: { name: timer.name, due_at: timer.dueAt },
    context: {},
  };
}

/** What the store brings about by itself: due timers, and the end of watches. */
export async function runFeeds(
  own: Pick<Ownership, "applier">,
  options: ShardOptions,
  retrying: RetryOptions,
): Promise<void> {
  const { stage, partition } = options;
  await Promise.all([
    runTimerFeed(stage, partition, options, retrying),
    runDownFeed(own, options, retrying),
  ]);
}

/** Polls the store for due timers of a shard and appends them to its topic, until `signal` aborts. */
export async function runTimerFeed(
  stage: Stage,
  partition: number,
  ports: TimerFeedPorts,
  options: RetryOptions,
): Promise<void> {
  if (stage.behaviour.durability !== "journal") return;
  const { clock, signal } = options;
  /** Fired and still in the store, as the shard has not reached their event yet. */
  let fired = new Set<string>();
  while (!signal.aborted) {
    const due = await retry(
      () => ports.store.dueTimers(stage.name, partition, clock.now(), limits.timersPerPollMax),
      options,
    );
    const records: NewRecord[] = [];
    for (const timer of due) {
      if (fired.has(keyOf(timer))) continue;
      records.push({
        partition,
        key: timer.actorId,
        value: JSON.stringify(timerEvent(timer)),
      });
    }
    if (records.length > 0) await appendAtLeastOnce(ports.log, stage.topic, records, options);
    fired = new Set(due.map(keyOf));
    await clock.sleep(limits.timerPollMs, signal);
  }
}
