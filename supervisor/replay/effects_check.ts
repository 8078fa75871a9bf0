/**
 * What an actor told the games, against what its shard published. Deltas are folded by commit, so the
 * commits that hold the actor's newest events are folded anew, all their actors included, and
 * compared with the records in `game.deltas`.
 *
 * @module
 */
import type { Effect } from "../../actors/kernel/behaviour.ts";
import { DeltaFold, type GameDelta, type GameDeltaRecord } from "../../actors/game/game_deltas.ts";
import type { Json } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import type { LogRecord } from "../log/log.ts";
import type { StoredActor, StoredEvent } from "../store/store.ts";
import { type EventRef, eventRef, type ReplayPorts } from "./replay_actor.ts";
import { type Change, diffState } from "./state_diff.ts";

export interface EffectsReport {
  /** `null`: none of the actor's commits is in the log any more. */
  readonly agrees: boolean | null;
  readonly commits_checked: number;
  /** Commits of the actor that could not be looked at: trimmed, too large, or beyond the newest few. */
  readonly events_unchecked: number;
  /** `before` is published, `after` replayed; of the first commit that differs. */
  readonly differences: readonly Change[];
  /** The actor's first event of that commit that tells a game which differs. */
  readonly parts_at: EventRef | null;
}

/** What is looked at, so that a question costs seconds at most. */
const commitsMax = 16;
const actorsPerCommitMax = 1000;

/** A commit that told games: raw offsets from `from` up to `end`, exclusive. */
interface Told {
  readonly from: number;
  readonly end: number;
  readonly games: Record<string, GameDelta>;
}

/** @param recordsReadMax records of `game.deltas` to look at, the newest. @default 200_000 */
export async function checkEffects(
  ports: ReplayPorts,
  actorId: string,
  journal: readonly StoredEvent[],
  recordsReadMax = 200_000,
): Promise<EffectsReport> {
  const told = await publishedBy(ports, recordsReadMax);
  const mine = told.map((commit) => ({
    commit,
    events: journal.filter((e) => e.offset >= commit.from && e.offset < commit.end),
  })).filter(({ events }) => events.length > 0).slice(-commitsMax);
  let [checked, events] = [0, 0];
  for (const { commit, events: own } of mine) {
    const folded = await foldAnew(ports, actorId, commit);
    if (folded === undefined) continue;
    checked++;
    events += own.length;
    const differences = diffState(plain(commit.games), plain(folded.games));
    if (differences.length === 0) continue;
    const games = new Set(differences.map(({ path }) => unescape(path.split("/")[1] ?? "")));
    const tells = (event: StoredEvent) =>
      games.has("") || (folded.toldAt.get(event.offset) ?? []).some((game) => games.has(game));
    const culprit = own.find(tells);
    return {
      agrees: false,
      commits_checked: checked,
      events_unchecked: journal.length - events,
      differences,
      parts_at: culprit === undefined ? null : eventRef(culprit, ports.partition),
    };
  }
  return {
    agrees: checked === 0 ? null : true,
    commits_checked: checked,
    events_unchecked: journal.length - events,
    differences: [],
    parts_at: null,
  };
}

const unescape = (name: string) => name.replaceAll("~1", "/").replaceAll("~0", "~");

const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as Json;

const never = new AbortController().signal;

/** A commit as it is found: its records by index, and when the first of them was appended. */
interface Found {
  readonly records: Map<number, GameDeltaRecord>;
  at: number;
}

/** The commits of the shard that the end of `game.deltas` holds whole, oldest first. */
async function publishedBy(
  { stage, partition, log }: ReplayPorts,
  readMax: number,
): Promise<Told[]> {
  const source = `${stage.name}/${partition}`;
  const byEnd = new Map<number, Found>();
  /** From then on nothing is missing, as the records of a commit are appended together. */
  let wholeSince = -Infinity;
  const ends = await log.ends("game.deltas");
  for (const [target, { start, end }] of ends.entries()) {
    const first = Math.max(start, end - Math.ceil(readMax / ends.length));
    for (let at = first; at < end;) {
      const records = await log.fetch("game.deltas", target, at, limits.fetchBytesMax, never);
      if (records.length === 0) break;
      if (at === first && first > 0) wholeSince = Math.max(wholeSince, records[0]!.timestamp);
      at = records.at(-1)!.offset + 1;
      for (const { value, timestamp } of records) {
        const record = JSON.parse(value) as GameDeltaRecord;
        if (record.source !== source) continue;
        const [endOffset, index] = record.position;
        const found = byEnd.get(endOffset) ?? { records: new Map(), at: timestamp };
        found.at = Math.min(found.at, timestamp);
        found.records.set(index, record);
        byEnd.set(endOffset, found);
      }
    }
  }
  let from = 0;
  const told = [...byEnd].sort(([a], [b]) => a - b).map(([end, { records, at }]) => {
    const games = Object.assign(
      Object.create(null) as Told["games"],
      ...[...records.values()].map((record) => record.games),
    );
    const commit = { from, end, games, at };
    from = end;
    return commit;
  });
  if (wholeSince === -Infinity) return told;
  // Of the oldest one does not know where it begins.
  return told.filter(({ at }) => at > wholeSince).slice(1);
}

interface Folded {
  readonly games: Record<string, GameDelta>;
  /** Offset of an event of the actor → the games it tells. */
  readonly toldAt: Map<number, string[]>;
}

/** Folds a commit from the log; `undefined` when that cannot be done any more. */
async function foldAnew(
  ports: ReplayPorts,
  actorId: string,
  { from, end }: Told,
): Promise<Folded | undefined> {
  const { stage } = ports;
  const records = await rawRecords(ports, from, end);
  if (records === undefined) return undefined;
  const messages = records.flatMap((record) =>
    decoded(ports, record).map((addressed) => ({ ...addressed, record }))
  );
  const ids = [...new Set(messages.map((message) => message.actorId))];
  if (ids.length > actorsPerCommitMax) return undefined;
  const states = await statesBefore(ports, actorId, ids, from);
  const fold = new DeltaFold();
  const toldAt = new Map<number, string[]>();
  for (const { actorId: id, message, record } of messages) {
    const { offset, timestamp: now } = record;
    let effects: Effect[] = [];
    try {
      const ctx = { actorId: id, now, partition: ports.partition, offset };
      effects = stage.behaviour.receive(states.get(id), message, ctx) ?? [];
    } catch {
      // It was parked and told nothing; half of a change may be left in the state.
      states.set(id, (await statesBefore(ports, actorId, [id], offset)).get(id));
    }
    for (const effect of effects) {
      if (effect.type === "delta") fold.addDelta(effect);
      else if (effect.type === "score") fold.addScore(effect);
      else if (effect.type === "unscore") fold.addUnscore(effect);
    }
    if (id !== actorId) continue;
    const games = effects.flatMap((effect) => "game" in effect ? [effect.game] : []);
    toldAt.set(offset, games);
  }
  return { games: fold.byPartition(() => 0).get(0) ?? {}, toldAt };
}

function decoded({ stage }: ReplayPorts, record: LogRecord) {
  try {
    return stage.decode(record).messages;
  } catch {
    return [];
  }
}

async function rawRecords(
  { stage, partition, log }: ReplayPorts,
  from: number,
  end: number,
): Promise<LogRecord[] | undefined> {
  const { start } = (await log.ends(stage.topic))[partition]!;
  if (start > from) return undefined;
  const records: LogRecord[] = [];
  for (let at = from; at < end;) {
    const more = await log.fetch(stage.topic, partition, at, limits.fetchBytesMax, never);
    if (more.length === 0) return undefined;
    records.push(...more.filter(({ offset }) => offset < end));
    at = more.at(-1)!.offset + 1;
  }
  return records;
}

/** The states before `offset`; the actor in question by its journal alone, the others as stored. */
async function statesBefore(
  { stage, partition, store }: ReplayPorts,
  actorId: string,
  ids: readonly string[],
  offset: number,
): Promise<Map<string, unknown>> {
  const { behaviour } = stage;
  const states = new Map(ids.map((id) => [id, behaviour.create(id) as unknown]));
  const load = (wanted: string[], fromStart: boolean): Promise<StoredActor[]> =>
    wanted.length === 0
      ? Promise.resolve([])
      : store.load(stage.name, partition, wanted, { offset: offset - 1, fromStart });
  const [self, others] = await Promise.all([
    load(ids.filter((id) => id === actorId), true),
    load(ids.filter((id) => id !== actorId), false),
  ]);
  for (const { actorId: id, parts, journal } of [...self, ...others]) {
    const state = parts.length > 0 ? behaviour.restore(id, parts) : states.get(id);
    for (const event of journal) {
      const ctx = { actorId: id, now: event.receivedAt, partition, offset: event.offset };
      behaviour.receive(state, stage.replay(event), ctx);
    }
    states.set(id, state);
  }
  return states;
}
