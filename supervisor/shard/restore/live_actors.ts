/**
 * The live actors of a shard as operators list them: the largest, and those with most messages that
 * are not committed yet. Counted when asked, so that nobody pays for it otherwise.
 *
 * @module
 */
import type { Batch } from "../batch.ts";
import type { Cells } from "../cells.ts";

export interface LiveActor {
  readonly id: string;
  /** About how much memory it takes. */
  readonly bytes: number;
  /** Messages that were applied and are not committed. */
  readonly mailbox: number;
}

/** Where live actors are; a shard's ownership is one. */
export interface LiveState {
  readonly cells: Pick<Cells, "values" | "peek">;
  readonly pending: Pick<Batch, "rows" | "applied">;
  readonly committing: Pick<Batch, "rows" | "applied"> | undefined;
}

function mailboxes({ pending, committing }: LiveState): Map<string, number> {
  const counts = new Map<string, number>();
  for (const batch of committing === undefined ? [pending] : [pending, committing]) {
    for (const messages of [batch.rows, batch.applied]) {
      for (const { actorId } of messages) counts.set(actorId, (counts.get(actorId) ?? 0) + 1);
    }
  }
  return counts;
}

/** The first `limit` live actors by a measure, the greatest first; those that measure 0 are left out. */
export function liveActors(own: LiveState, by: "bytes" | "mailbox", limit: number): LiveActor[] {
  const counts = mailboxes(own);
  const live = (id: string, bytes: number) => ({ id, bytes, mailbox: counts.get(id) ?? 0 });
  const all = by === "mailbox"
    ? Array.from(counts.keys(), (id) => live(id, own.cells.peek(id)?.bytes ?? 0))
    : Array.from(own.cells.values(), ({ id, bytes }) => live(id, bytes));
  return all.filter((actor) => actor[by] > 0)
    .sort((a, b) => b[by] - a[by] || (a.id < b.id ? -1 : 1)).slice(0, limit);
}

/** These actors, live or not. */
export function actorsOf(own: LiveState, ids: readonly string[]): LiveActor[] {
  const counts = mailboxes(own);
  return ids.map((id) => ({
    id,
    bytes: own.cells.peek(id)?.bytes ?? 0,
    mailbox: counts.get(id) ?? 0,
  }));
}
