/**
 * Writes that wait for the vector store: one for each point, as a later one makes the earlier void.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import type { Point } from "./vectors.ts";

/** A point to be written; `null`: to be removed. */
export type Write = Point | null;

/** Writes of one collection and one kind, to be sent together. */
export interface WriteBatch {
  readonly collection: string;
  readonly writes: ReadonlyMap<string, Write>;
  readonly isRemoval: boolean;
}

export class WaitingWrites {
  readonly #collections = new Map<string, Map<string, Write>>();
  #size = 0;

  constructor(readonly writesMax: number) {}

  get size(): number {
    return this.#size;
  }

  /** Takes writes, all or none. @throws {Unavailable} there is no room */
  add(collection: string, writes: ReadonlyMap<string, Write>): void {
    const waiting = this.#collections.get(collection) ?? new Map<string, Write>();
    const added = [...writes.keys()].filter((id) => !waiting.has(id)).length;
    if (this.#size + added > this.writesMax) {
      throw new Unavailable("vectors", `Too many points wait for the vector store: ${this.#size}`);
    }
    this.#collections.set(collection, waiting);
    for (const [id, write] of writes) {
      // Behind all others: those that are taken are always the oldest.
      waiting.delete(id);
      waiting.set(id, write);
    }
    this.#size += added;
  }

  /** The oldest writes of a collection that has some, at most `max`, all of one kind. They stay. */
  next(max: number): WriteBatch | undefined {
    for (const [collection, waiting] of this.#collections) {
      const writes = new Map<string, Write>();
      let isRemoval: boolean | undefined;
      for (const [id, write] of waiting) {
        isRemoval ??= write === null;
        if (writes.size === max || isRemoval !== (write === null)) break;
        writes.set(id, write);
      }
      if (isRemoval !== undefined) return { collection, writes, isRemoval };
    }
    return undefined;
  }

  /** These are done; what has been written anew meanwhile waits on. */
  done({ collection, writes }: WriteBatch): void {
    const waiting = this.#collections.get(collection);
    if (waiting === undefined) return;
    for (const [id, write] of writes) {
      if (waiting.get(id) === write && waiting.delete(id)) this.#size--;
    }
    if (waiting.size === 0) this.#collections.delete(collection);
    else {
      // The others' turn.
      this.#collections.delete(collection);
      this.#collections.set(collection, waiting);
    }
  }
}
