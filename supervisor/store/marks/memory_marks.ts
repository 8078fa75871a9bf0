/**
 * Halts and watches of a {@link MemoryStore}, over all its shards.
 *
 * @module
 */
import type { CommitBatch, DownWatch, HaltMark, Watch } from "../store.ts";

interface Kept extends Watch {
  readonly shard: string;
  readonly offset: number;
  down: { readonly since: number; readonly reason: string } | undefined;
}

const keyOf = (shard: string, { actorId, kind, watchedId }: Watch) =>
  JSON.stringify([shard, actorId, kind, watchedId]);

export class MemoryMarks {
  /** Shard → actor → mark. */
  readonly #halts = new Map<string, Map<string, HaltMark>>();
  readonly #watches = new Map<string, Kept>();

  of(stage: string, partition: number): { halted: HaltMark[]; hasWatches: boolean } {
    const shard = `${stage}/${partition}`;
    return {
      halted: [...this.#halts.get(shard)?.values() ?? []],
      hasWatches: [...this.#watches.values()].some((watch) => watch.shard === shard),
    };
  }

  commit({ stage, partition, halts = new Map(), watches = [] }: CommitBatch): void {
    const shard = `${stage}/${partition}`;
    for (const [id, mark] of halts) this.#halt(stage, shard, id, mark);
    for (const { offset, ...watch } of watches) {
      const key = keyOf(shard, watch);
      if (offset === null) this.#watches.delete(key);
      else if (!this.#watches.has(key)) {
        this.#watches.set(key, { ...watch, shard, offset, down: this.#haltOf(watch) });
      }
    }
  }

  #halt(stage: string, shard: string, id: string, mark: HaltMark | null): void {
    let marks = this.#halts.get(shard);
    if (marks === undefined) this.#halts.set(shard, marks = new Map());
    if (mark === null) marks.delete(id);
    else marks.set(id, mark);
    if (mark === null) return;
    for (const watch of this.#watches.values()) {
      if (watch.kind === stage && watch.watchedId === id) watch.down ??= mark;
    }
  }

  #haltOf({ kind, watchedId }: Watch): HaltMark | undefined {
    for (const [shard, marks] of this.#halts) {
      const mark = shard.startsWith(`${kind}/`) ? marks.get(watchedId) : undefined;
      if (mark !== undefined) return mark;
    }
    return undefined;
  }

  down(stage: string, partition: number): DownWatch[] {
    const shard = `${stage}/${partition}`;
    return [...this.#watches.values()].flatMap(({ actorId, kind, watchedId, offset, ...watch }) => {
      if (watch.shard !== shard || watch.down === undefined) return [];
      const { since, reason } = watch.down;
      return [{ actorId, kind, watchedId, offset, since, reason }];
    });
  }

  end(stage: string, partition: number, watches: readonly DownWatch[]): void {
    for (const watch of watches) {
      const key = keyOf(`${stage}/${partition}`, watch);
      if (this.#watches.get(key)?.offset === watch.offset) this.#watches.delete(key);
    }
  }
}
