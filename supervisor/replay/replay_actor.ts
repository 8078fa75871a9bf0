/**
 * Replay of one actor: its whole journal is run from scratch by the code there is now, and the state
 * compared with what is stored and what is live.
 *
 * @module
 */
import type { Part } from "../../actors/kernel/behaviour.ts";
import { stateHash } from "../../actors/kernel/state_hash.ts";
import { InvalidInput } from "../../schema/errors.ts";
import type { Json, JsonObject, PlayerEvent } from "../../schema/event.ts";
import type { Log } from "../log/log.ts";
import { restoreSnapshot } from "../shard/restore/restore_actor.ts";
import type { Stage } from "../shard/stage.ts";
import type { AsOf, Store, StoredActor, StoredEvent } from "../store/store.ts";
import { checkEffects, type EffectsReport } from "./effects_check.ts";
import { type Change, diffState, valueAt } from "./state_diff.ts";

export interface ReplayPorts {
  readonly stage: Stage;
  readonly partition: number;
  readonly store: Store;
  readonly log: Log;
}

/** A state, and the offset of the last message in it. */
export interface Recorded {
  readonly offset: number;
  readonly parts: readonly Part[];
}

/** An event of the journal, for operators. */
export interface EventRef {
  /** `partition:offset`. */
  readonly position: string;
  readonly event_id: string;
  readonly event_type: string;
  /** Milliseconds since the Unix epoch. */
  readonly received_at: number;
}

/** A recorded state beside the replayed one at the same offset. */
export interface Comparison {
  readonly version: string;
  readonly hash: string;
  readonly replayed_hash: string;
  readonly agrees: boolean;
  /** `before` is recorded, `after` replayed. */
  readonly differences: readonly Change[];
  /** The first event after which a differing value left the recorded one for good; `null`: it never had it. */
  readonly parts_at: EventRef | null;
}

export interface ReplayReport {
  readonly id: string;
  readonly code_version: number;
  readonly events: number;
  readonly version: string;
  readonly hash: string;
  /** The stored snapshot, and the actor in memory; `null` when there is none at this point. */
  readonly snapshot: Comparison | null;
  readonly live: Comparison | null;
  readonly effects: EffectsReport;
  readonly agrees: boolean;
}

export const stateOf = (parts: readonly Part[]): JsonObject =>
  Object.fromEntries(parts.map(({ part, body }) => [part || "state", JSON.parse(body) as Json]));

/**
 * Replays an actor up to `asOf`; `null` when its journal has nothing of it.
 *
 * @param live the actor in memory; everything in it is committed
 * @throws {InvalidInput} it keeps no journal, or the journal's oldest days were dropped
 */
export async function replayActor(
  ports: ReplayPorts,
  actorId: string,
  asOf?: AsOf,
  live?: Recorded,
): Promise<ReplayReport | null> {
  const { stage, partition, store } = ports;
  const { behaviour } = stage;
  if (behaviour.durability !== "journal") {
    const message = `A ${stage.name} has no journal to replay`;
    throw new InvalidInput("as_of_unsupported", message, "kind");
  }
  const load = async (bound: AsOf | undefined) =>
    (await store.load(stage.name, partition, [actorId], bound))[0];
  const until = asOf ?? (live === undefined ? undefined : { offset: live.offset });
  const stored = await load(until);
  const whole = await load({ ...until, fromStart: true });
  if (whole?.isTruncated === true) {
    const message = "The oldest days of the journal were dropped: it cannot be run from its start";
    throw new InvalidInput("journal_truncated", message);
  }
  if (whole === undefined || whole.journal.length === 0) return null;
  const run = new Run(ports, actorId, whole.journal);
  const snapshot = stored === undefined ? undefined : snapshotOf(ports, stored);
  const last = whole.journal.at(-1)!.offset;
  const parts = run.describeAt(last);
  const compared = {
    snapshot: snapshot === undefined ? null : run.compare(snapshot),
    live: live === undefined ? null : run.compare(live),
    effects: await checkEffects(ports, actorId, whole.journal),
  };
  return {
    id: actorId,
    code_version: behaviour.version,
    events: whole.journal.length,
    version: `${partition}:${last}`,
    hash: stateHash(parts),
    ...compared,
    agrees: compared.snapshot?.agrees !== false && compared.live?.agrees !== false &&
      compared.effects.agrees !== false,
  };
}

/** The state that the stored snapshot is restored to; what cannot be restored says why instead. */
function snapshotOf({ stage: { behaviour } }: ReplayPorts, stored: StoredActor) {
  const { actorId, parts } = stored;
  if (parts.length === 0) return undefined;
  const offset = Math.max(...parts.map((part) => part.offset));
  try {
    return { offset, parts: behaviour.describe(restoreSnapshot(behaviour, actorId, parts)) };
  } catch (error) {
    return { offset, parts: [{ part: "undecodable", body: JSON.stringify(String(error)) }] };
  }
}

/** The actor's life from scratch. */
class Run {
  constructor(
    readonly ports: ReplayPorts,
    readonly actorId: string,
    readonly journal: readonly StoredEvent[],
  ) {}

  /** Applies the journal up to `offset`, inclusive. @param after called after each event */
  #until(offset: number, after: (event: StoredEvent, parts: () => Part[]) => void): Part[] {
    const { stage, partition } = this.ports;
    const state = stage.behaviour.create(this.actorId);
    const parts = () => stage.behaviour.describe(state);
    for (const event of this.journal) {
      if (event.offset > offset) break;
      const { receivedAt: now, offset: at } = event;
      const ctx = { actorId: this.actorId, now, partition, offset: at };
      stage.behaviour.receive(state, stage.replay(event), ctx);
      after(event, parts);
    }
    return parts();
  }

  describeAt(offset: number): Part[] {
    return this.#until(offset, () => {});
  }

  compare(recorded: Recorded): Comparison {
    const replayed = this.describeAt(recorded.offset);
    const [hash, replayedHash] = [stateHash(recorded.parts), stateHash(replayed)];
    const state = stateOf(recorded.parts);
    const differences = diffState(state, stateOf(replayed));
    return {
      version: `${this.ports.partition}:${recorded.offset}`,
      hash,
      replayed_hash: replayedHash,
      agrees: hash === replayedHash,
      differences,
      parts_at: hash === replayedHash ? null : this.#partsAt(recorded.offset, state, differences),
    };
  }

  /** Where the first of the differing values left what is recorded, never to come back. */
  #partsAt(offset: number, state: JsonObject, differences: readonly Change[]): EventRef | null {
    const leftAt = new Map<string, StoredEvent>();
    const met = new Set<string>();
    this.#until(offset, (event, parts) => {
      const now = stateOf(parts());
      for (const { path } of differences) {
        if (diffState(valueAt(state, path), valueAt(now, path), 1).length === 0) {
          met.add(path);
          leftAt.delete(path);
        } else if (!leftAt.has(path)) leftAt.set(path, event);
      }
    });
    const left = [...leftAt].filter(([path]) => met.has(path)).map(([, event]) => event);
    const first = left.sort((a, b) => a.offset - b.offset)[0];
    return first === undefined ? null : eventRef(first, this.ports.partition);
  }
}

export function eventRef(event: StoredEvent, partition: number): EventRef {
  const { event_id, event_type } = JSON.parse(event.value) as PlayerEvent;
  const position = `${partition}:${event.offset}`;
  return { position, event_id, event_type, received_at: event.receivedAt };
}
