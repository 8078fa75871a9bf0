/**
 * The JSON that carries a batch to `commit_batch()`, and the rows of `load` back into actors.
 *
 * @module
 */
import type {
  OutboxEntry,
  OutboxRecord,
  SnapshotPart,
  StoredActor,
  StoredEvent,
  TimerChange,
} from "./store.ts";

/** Snapshot parts as JSON; of several of one part the last counts. */
export function encodeSnapshots(parts: readonly SnapshotPart[]): string | null {
  if (parts.length === 0) return null;
  const last = new Map(parts.map((part) => [`${part.actorId}\n${part.part}`, part]));
  return JSON.stringify(
    Array.from(last.values(), ({ actorId, part, offset, version, checksum, hash, body }) => ({
      a: actorId,
      p: part,
      o: offset,
      v: version,
      c: checksum,
      h: hash,
      b: body,
    })),
  );
}

/** Timer changes as JSON; of several of one timer the last counts. */
export function encodeTimers(changes: readonly TimerChange[]): string | null {
  if (changes.length === 0) return null;
  const last = new Map(changes.map((change) => [`${change.actorId}\n${change.name}`, change]));
  return JSON.stringify(
    Array.from(last.values(), ({ actorId, name, dueAt }) => ({ a: actorId, n: name, d: dueAt })),
  );
}

/** What a commit publishes; PostgreSQL keeps the text and never looks into it. */
export function encodeOutbox(records: readonly OutboxRecord[]): string | null {
  return records.length === 0 ? null : JSON.stringify(records);
}

/** `[[end offset, records as text], …]` of `take_shard()`. */
export function decodeOutbox(text: string | null): OutboxEntry[] {
  const entries: [number, string][] = JSON.parse(text ?? "[]");
  return entries.map(([endOffset, records]) => ({ endOffset, records: JSON.parse(records) }));
}

/** A row of the load query: a snapshot part, or (`part` null) a journal row. */
export interface LoadRow {
  readonly actor_id: string;
  readonly part: string | null;
  readonly offset: number;
  /** Version of a part, arrival in milliseconds of a journal row. */
  readonly number: number;
  readonly checksum: string | null;
  readonly hash: string | null;
  readonly text: string;
}

/** Groups load rows by actor; journal rows come in offset order. */
export function decodeActors(rows: readonly LoadRow[]): StoredActor[] {
  const actors = new Map<
    string,
    { actorId: string; parts: SnapshotPart[]; journal: StoredEvent[] }
  >();
  for (const { actor_id: actorId, part, offset, number, checksum, hash, text } of rows) {
    let actor = actors.get(actorId);
    if (actor === undefined) actors.set(actorId, actor = { actorId, parts: [], journal: [] });
    if (part === null) actor.journal.push({ offset, receivedAt: number, value: text });
    else {
      actor.parts.push({
        actorId,
        part,
        offset,
        version: number,
        body: text,
        checksum: checksum ?? "",
        hash: hash ?? "0",
      });
    }
  }
  for (const { journal } of actors.values()) journal.sort((a, b) => a.offset - b.offset);
  return [...actors.values()];
}
