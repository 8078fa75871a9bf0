/**
 * What an actor has brought about of late, for operators. Nobody keeps it: its last messages are run
 * once more when somebody asks.
 *
 * @module
 */
import type { Effect } from "../../actors/kernel/behaviour.ts";
import { limits } from "../../schema/limits.ts";
import type { AsOf } from "../store/store.ts";
import { restoreActor } from "../shard/restore/restore_actor.ts";
import { type EventRef, eventRef, type ReplayPorts } from "./replay_actor.ts";

/** A message and what it brought about. */
export interface RecentEffects extends EventRef {
  readonly effects: readonly Effect[];
}

/**
 * The last messages of an actor that had effects, the newest first; at most
 * `limits.recentEffectsMax`. Of an actor with a journal longer than `limits.recentEffectsRowsMax` those
 * after its stored snapshot. An actor without a journal leaves no trace of what it did: none.
 *
 * @param asOf up to and including it
 */
export async function recentEffects(
  ports: Omit<ReplayPorts, "log">,
  actorId: string,
  asOf: AsOf,
): Promise<RecentEffects[]> {
  const { stage, partition, store } = ports;
  if (stage.behaviour.durability !== "journal") return [];
  const load = async (bound: AsOf) =>
    (await store.load(stage.name, partition, [actorId], bound))[0];
  const [rowsMax, count] = [limits.recentEffectsRowsMax, limits.recentEffectsMax];
  let actor = await load(asOf);
  if ((actor?.journal.length ?? 0) < count) {
    const whole = await load({ ...asOf, fromStart: true, rowsMax: rowsMax + 1 });
    const isWhole = whole?.isTruncated !== true && (whole?.journal.length ?? 0) <= rowsMax;
    if (isWhole) actor = whole;
  }
  if (actor === undefined) return [];
  const { behaviour } = stage;
  const recent: RecentEffects[] = [];
  try {
    const { state } = restoreActor(stage, partition, { ...actor, journal: [] });
    for (const event of actor.journal) {
      const ctx = { actorId, now: event.receivedAt, partition, offset: event.offset };
      const effects = behaviour.receive(state, stage.replay(event), ctx) ?? [];
      if (effects.length === 0) continue;
      recent.push({ ...eventRef(event, partition), effects });
      if (recent.length > count) recent.shift();
    }
  } catch {
    // What the code of today cannot run it cannot tell of.
  }
  return recent.reverse();
}
