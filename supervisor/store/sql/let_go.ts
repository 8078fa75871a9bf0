/**
 * Parts a statement that is over from what was sent with it.
 *
 * `postgres` assigns closures to properties of each query (`this.resolve = …`), and such closures V8
 * allocates in the old heap. So they are there until the next full collection, and whatever they reach is
 * alive for every scavenge until then: the query and, through it, the text of its rows. All text
 * of all commits went through the young heap into the old one and brought the next full collection
 * nearer, which is what slows a shard down most.
 *
 * @module
 */

/** What `postgres` keeps in a query, or in a part of one. */
interface Held {
  args?: unknown;
  parameters?: unknown;
}

/** @param statement that has been answered: one that was given up may be on its way still */
export function letGo(statement: unknown): void {
  if (typeof statement !== "object" || statement === null) return;
  const held = statement as Held;
  const { args } = held;
  if (!Array.isArray(args)) return;
  held.args = [];
  held.parameters = [];
  for (const arg of args) letGo(arg);
}
