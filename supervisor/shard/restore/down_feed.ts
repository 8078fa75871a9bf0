/**
 * Tells who watches: a watch over an actor that stands still becomes a `$down` event at the end of the
 * raw topic, under the watcher's key, and is over. It may be told twice (after a crash in between), with
 * the same id.
 *
 * @module
 */
import { internalType, type PlayerEvent } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import type { DownWatch } from "../../store/store.ts";
import { appendAtLeastOnce } from "../append.ts";
import type { Ownership } from "../ownership.ts";
import { retry, type RetryOptions } from "../retry.ts";
import type { ShardOptions } from "../shard_types.ts";

/** The event that ends a watch. Its id is a function of the watch. */
function downEvent(watch: DownWatch): PlayerEvent {
  const { actorId, kind, watchedId, offset, reason, since } = watch;
  const slash = actorId.indexOf("/");
  return {
    studio: actorId.slice(0, slash),
    user_id: actorId.slice(slash + 1),
    game_id: "",
    event_id: `${kind}/${watchedId}@${offset}`,
    event_type: internalType.down,
    timestamp: since,
    properties: { kind, actor_id: watchedId, reason, since },
    context: {},
  };
}

/** Polls the store as the timers' feed does, while somebody in the shard watches. */
export async function runDownFeed(
  { applier }: Pick<Ownership, "applier">,
  { stage, partition, store, log }: Pick<ShardOptions, "stage" | "partition" | "store" | "log">,
  options: RetryOptions,
): Promise<void> {
  if (stage.behaviour.durability !== "journal") return;
  const { clock, signal } = options;
  for (; !signal.aborted; await clock.sleep(limits.timerPollMs, signal)) {
    if (!applier.isWatching) continue;
    const look = () => store.downWatches(stage.name, partition, limits.timersPerPollMax);
    const down = await retry(look, options);
    if (down.length === 0 || signal.aborted) continue;
    const records = down.map((watch) => {
      const value = JSON.stringify(downEvent(watch));
      return { partition, key: watch.actorId, value };
    });
    await appendAtLeastOnce(log, stage.topic, records, options);
    if (signal.aborted) return;
    // Only now: what is in the log is told.
    await retry(() => store.endWatches(stage.name, partition, down), options);
  }
}
