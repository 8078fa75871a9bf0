/**
 * Turns: who comes later waits until everybody before is done. The messages of a fetch are one turn,
 * what an operator does to an actor is another, so that neither meets the other's half-done work.
 *
 * @module
 */

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs when its turn has come. @throws what `run` throws; the turns after it do not care */
  take<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
