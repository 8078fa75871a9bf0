/**
 * The sessions that a player remembers, in the order in which they began. They lie in two arrays, however
 * many they are: an object for each with its boxed numbers was more than half of all that the garbage
 * collector had to mark in a shard.
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

/** The texts of a session and its numbers, each from the first of its own on. */
const text = { id: 0, gameId: 1, startedAtPosition: 2 } as const;
const number = { firstAt: 0, lastAt: 1, lastArrival: 2, events: 3, state: 4 } as const;
const [textsEach, numbersEach] = [3, 5];

/** Shared by all who remember none. */
const noTexts: readonly string[] = [];
const noNumbers: readonly number[] = [];
const noSessions: readonly Session[] = [];

/** A session is told by its index, which holds until one is removed. At most one has a game and id. */
export class SessionList {
  /** Replaced by longer and shorter ones and never pushed to: what grows by itself reserves room. */
  #texts = noTexts as string[];
  /** Doubles that lie in the array itself. */
  #numbers = noNumbers as number[];
  /**
   * No last arrival is before this, milliseconds. Those of which more comes leave it behind, until all are
   * looked at.
   */
  #arrivedSince = Infinity;

  get length(): number {
    return this.#texts.length / textsEach;
  }

  /** Remembers another one, of a game and id that it has not. @returns its index */
  add(session: Session): number {
    const { id, gameId, startedAtPosition, firstAt, lastAt, lastArrival, events } = session;
    this.#texts = this.#texts.concat([id, gameId, startedAtPosition]);
    const numbers = [firstAt, lastAt, lastArrival, events, stateOf(session)];
    this.#numbers = this.#numbers.concat(numbers);
    this.#arrivedSince = Math.min(this.#arrivedSince, lastArrival);
    return this.length - 1;
  }

  /** The index of a session; −1: there is none. */
  find(gameId: string, id: string): number {
    const texts = this.#texts;
    // Events mostly belong to the newest.
    for (let at = texts.length - textsEach; at >= 0; at -= textsEach) {
      if (texts[at + text.id] === id && texts[at + text.gameId] === gameId) return at / textsEach;
    }
    return -1;
  }

  /** A copy of a session. */
  at(index: number): Session {
    const from = index * textsEach;
    const session: Session = {
      id: this.#texts[from + text.id]!,
      gameId: this.#texts[from + text.gameId]!,
      open: this.state(index) === sessionState.open,
      startedAtPosition: this.#texts[from + text.startedAtPosition]!,
      firstAt: this.#number(index, number.firstAt),
      lastAt: this.#number(index, number.lastAt),
      lastArrival: this.lastArrival(index),
      events: this.#number(index, number.events),
    };
    if (this.state(index) === sessionState.silent) session.silent = true;
    return session;
  }

  gameId(index: number): string {
    return this.#texts[index * textsEach + text.gameId]!;
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
    this.#texts = isLast
      ? noTexts as string[]
      : this.#texts.toSpliced(index * textsEach, textsEach);
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
