/**
 * Loads those who are asked for. Who asks while queries for others are under way shares the next one:
 * a crowd that asks for the passivated costs queries by its pace, not by its number.
 *
 * @module
 */

/** Queries at once; and how many may share one. */
const underWayMax = 2;
const togetherMax = 100;

export class AskGatherer {
  #underWay = 0;
  /** Those who will share a query that is not sent yet; the last of the waiting ones. */
  #next: { readonly ids: string[]; readonly loaded: Promise<number> } | undefined;
  readonly #waiting: (() => void)[] = [];

  /** @param loadAll loads several at once, and says how many there were */
  constructor(readonly loadAll: (ids: readonly string[]) => Promise<number>) {}

  /** @returns how many were loaded by the query that it shared */
  load(id: string): Promise<number> {
    const gathering = this.#next;
    if (gathering !== undefined && gathering.ids.length < togetherMax) {
      gathering.ids.push(id);
      return gathering.loaded;
    }
    if (this.#underWay < underWayMax) return this.#load([id]);
    const ids = [id];
    const { promise, resolve } = Promise.withResolvers<void>();
    const loaded = promise.then(() => this.#load(ids));
    this.#next = { ids, loaded };
    this.#waiting.push(() => {
      if (this.#next?.ids === ids) this.#next = undefined;
      resolve();
    });
    return loaded;
  }

  async #load(ids: readonly string[]): Promise<number> {
    this.#underWay++;
    try {
      return await this.loadAll(ids);
    } finally {
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }
}
