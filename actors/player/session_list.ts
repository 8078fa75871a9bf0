/**
 * The sessions that a player remembers, in the order in which they began. They lie in one text and one
 * array of numbers, however many they are: an object for each, with its boxed numbers and a text for its
 * id, was more than half of all that the garbage collector had to mark in a shard.
 *
 * @module
 */

/** A session that is open, or ended and still remembered so that late events do not reopen it. */
export interface Session {
  /** As the client named it; `""` is the implicit session of events that name none. */
  id: string;
  gameId: string;
  open: boolean;
  /** `partition:offset` of its first event: the name of an implicit session; else `""`. */
  startedAtPosition: string;
  /** Earliest and latest event time, milliseconds. */
  firstAt: number;
  lastAt: number;
  /** Arrival of its newest event, milliseconds: silence is measured from here. */
  lastArrival: number;
  events: number;
  /**
   * Closed as nothing came for long, though something that came in time may still be on its way from an
   * alias. Left out otherwise.
   */
  silent?: true;
}

/** `open` and `silent` of a session as one number. */
export const sessionState = { ended: 0, open: 1, silent: 2 } as const;

export type SessionState = typeof sessionState[keyof typeof sessionState];

/** The numbers of a session, from the first of its own on; the last three say how long its texts are. */
const number = {
  firstAt: 0,
  lastAt: 1,
  lastArrival: 2,
  events: 3,
  state: 4,
  idChars: 5,
  gameChars: 6,
  positionChars: 7,
} as const;
const numbersEach = 8;

/** Shared by all who remember none. */
const noNumbers: readonly number[] = [];
const noSessions: readonly Session[] = [];

/** A session is told by its index, which holds until one is removed. At most one has a game and id. */
export class SessionList {
  /** Of each its id, game and `startedAtPosition`, with nothing in between. */
  #texts = "";
  /**
   * Doubles that lie in the array itself. Replaced by longer and shorter ones and never pushed to: what
   * grows by itself reserves room.
   */
  #numbers = noNumbers as number[];
  /**
   * No last arrival is before this, milliseconds. Those of which more comes leave it behind, until all are
   * looked at.
   */
  #arrivedSince = Infinity;

  get length(): number {
    return this.#numbers.length / numbersEach;
  }

  /** Remembers another one, of a game and id that it has not. @returns its index */
  add(session: Session): number {
    const { id, gameId, startedAtPosition, firstAt, lastAt, lastArrival, events } = session;
    // Joined: a sum would keep its parts.
    this.#texts = [this.#texts, id, gameId, startedAtPosition].join("");
    const chars = [id.length, gameId.length, startedAtPosition.length];
    const numbers = [firstAt, lastAt, lastArrival, events, stateOf(session), ...chars];
    this.#numbers = this.#numbers.concat(numbers);
    this.#arrivedSince = Math.min(this.#arrivedSince, lastArrival);
    return this.length - 1;
  }

  /** The index of a session; −1: there is none. */
  find(gameId: string, id: string): number {
    const texts = this.#texts;
    let at = texts.length;
    // Events mostly belong to the newest.
    for (let i = this.length - 1; i >= 0; i--) {
      at -= this.#charsOf(i);
      if (this.#number(i, number.idChars) !== id.length || !texts.startsWith(id, at)) continue;
      const isGame = this.#number(i, number.gameChars) === gameId.length &&
        texts.startsWith(gameId, at + id.length);
      if (isGame) return i;
    }
    return -1;
  }

  /** A copy of a session. */
  at(index: number): Session {
    const start = this.#startOf(index);
    const gameAt = start + this.#number(index, number.idChars);
    const positionAt = gameAt + this.#number(index, number.gameChars);
    const session: Session = {
      id: this.#texts.slice(start, gameAt),
      gameId: this.#texts.slice(gameAt, positionAt),
      open: this.state(index) === sessionState.open,
      startedAtPosition: this.#texts.slice(positionAt, start + this.#charsOf(index)),
      firstAt: this.#number(index, number.firstAt),
      lastAt: this.#number(index, number.lastAt),
      lastArrival: this.lastArrival(index),
      events: this.#number(index, number.events),
    };
    if (this.state(index) === sessionState.silent) session.silent = true;
    return session;
  }

  gameId(index: number): string {
    const from = this.#startOf(index) + this.#number(index, number.idChars);
    return this.#texts.slice(from, from + this.#number(index, number.gameChars));
  }

  /** Where the texts of a session begin. */
  #startOf(index: number): number {
    let start = 0;
    for (let i = 0; i < index; i++) start += this.#charsOf(i);
    return start;
  }

  #charsOf(index: number): number {
    return this.#number(index, number.idChars) + this.#number(index, number.gameChars) +
      this.#number(index, number.positionChars);
  }

  lastArrival(index: number): number {
    return this.#number(index, number.lastArrival);
  }

  state(index: number): SessionState {
    return this.#number(index, number.state) as SessionState;
  }

  #number(index: number, which: number): number {
    return this.#numbers[index * numbersEach + which]!;
  }

  setState(index: number, state: SessionState): void {
    this.#numbers[index * numbersEach + number.state] = state;
  }

  /**
   * Counts an event into a session.
   *
   * @param at event time, milliseconds
   * @param arrival milliseconds
   * @returns by how much the session's span (last minus first event time) grew, milliseconds
   */
  count(index: number, at: number, arrival: number): number {
    const numbers = this.#numbers;
    const from = index * numbersEach;
    const [firstAt, lastAt] = [numbers[from + number.firstAt]!, numbers[from + number.lastAt]!];
    const [first, last] = [Math.min(firstAt, at), Math.max(lastAt, at)];
    numbers[from + number.firstAt] = first;
    numbers[from + number.lastAt] = last;
    numbers[from + number.lastArrival] = Math.max(this.lastArrival(index), arrival);
    numbers[from + number.events]!++;
    return last - first - (lastAt - firstAt);
  }

  /** Forgets a session. @returns what it was */
  remove(index: number): Session {
    const session = this.at(index);
    const isLast = this.length === 1;
    const start = this.#startOf(index);
    const end = start + this.#charsOf(index);
    this.#texts = [this.#texts.slice(0, start), this.#texts.slice(end)].join("");
    this.#numbers = isLast
      ? noNumbers as number[]
      : this.#numbers.toSpliced(index * numbersEach, numbersEach);
    return session;
  }

  /** Forgets those of whom nothing has arrived after `since`, milliseconds. @returns what they were */
  removeSilent(since: number): readonly Session[] {
    // What each event asks, and nearly always in vain.
    if (this.#arrivedSince > since) return noSessions;
    const removed: Session[] = [];
    let arrivedSince = Infinity;
    for (let i = 0; i < this.length;) {
      const arrival = this.lastArrival(i);
      if (arrival <= since) removed.push(this.remove(i));
      else {
        arrivedSince = Math.min(arrivedSince, arrival);
        i++;
      }
    }
    this.#arrivedSince = arrivedSince;
    return removed;
  }

  /** The last arrival of the open session that has been silent for longest; `Infinity`: none is open. */
  earliestOpen(): number {
    let earliest = Infinity;
    for (let i = 0; i < this.length; i++) {
      if (this.state(i) !== sessionState.open) continue;
      earliest = Math.min(earliest, this.lastArrival(i));
    }
    return earliest;
  }

  /** The open session, in a game if one is named, with the newest event; −1: there is none. */
  newestOpen(gameId?: string): number {
    let newest = -1;
    for (let i = 0; i < this.length; i++) {
      if (this.state(i) !== sessionState.open) continue;
      if (gameId !== undefined && this.gameId(i) !== gameId) continue;
      if (newest === -1 || this.lastArrival(i) >= this.lastArrival(newest)) newest = i;
    }
    return newest;
  }

  /** The session that has been silent for longest, an open one only where all are; −1: there is none. */
  longestSilent(): number {
    const isOpen = (index: number) => this.state(index) === sessionState.open;
    let longest = Math.min(0, this.length - 1);
    for (let i = 1; i < this.length; i++) {
      const isLonger = isOpen(i) === isOpen(longest)
        ? this.lastArrival(i) < this.lastArrival(longest)
        : isOpen(longest);
      if (isLonger) longest = i;
    }
    return longest;
  }

  /** Copies of all. */
  encode(): Session[] {
    return Array.from({ length: this.length }, (_, i) => this.at(i));
  }

  /** Shares nothing with what it is made of. @throws {TypeError} a session is not whole */
  static decode(sessions: readonly Session[]): SessionList {
    const list = new SessionList();
    for (const session of sessions) {
      if (!isWhole(session)) throw new TypeError("Cannot decode a session whose parts are missing");
      list.add(session);
    }
    return list;
  }
}

function stateOf({ open, silent }: Session): SessionState {
  if (open) return sessionState.open;
  return silent === true ? sessionState.silent : sessionState.ended;
}

function isWhole({ id, gameId, open, startedAtPosition, ...session }: Session): boolean {
  const { firstAt, lastAt, lastArrival, events } = session;
  return typeof open === "boolean" &&
    [id, gameId, startedAtPosition].every((text) => typeof text === "string") &&
    [firstAt, lastAt, lastArrival, events].every(Number.isFinite);
}
