/**
 * What has become of dead letters. Their topic is append-only, so it is kept beside it.
 *
 * @module
 */
import type { LetterMark } from "../admin_platform.ts";

/** Which letter of `dlq.events`: offsets begin anew when a log is begun anew, times do not. */
export interface LetterName {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the Unix epoch. */
  readonly parkedAt: number;
}

/** Where the marks are kept. Each call may be repeated. @throws {Unavailable} */
export interface LetterMarks {
  /** One entry a letter; `undefined` where nothing has become of it. */
  marksOf(letters: readonly LetterName[]): Promise<(LetterMark | undefined)[]>;
  /** The first discard is the one that is remembered. */
  discard(letter: LetterName, call: string): Promise<void>;
  replayed(letters: readonly LetterName[], call: string): Promise<void>;
  /** Drops the marks of letters that the log has dropped. */
  forget(partition: number, beforeOffset: number): Promise<void>;
}

/** Marks in memory, for tests. */
export class MemoryMarks implements LetterMarks {
  readonly marks = new Map<string, { letter: LetterName; mark: LetterMark }>();

  constructor(readonly now: () => number) {}

  #keyOf({ partition, offset, parkedAt }: LetterName): string {
    return `${partition}:${offset}@${parkedAt}`;
  }

  #set(letter: LetterName, change: Partial<LetterMark>): void {
    const key = this.#keyOf(letter);
    const none: LetterMark = { discarded: null, replayed: null };
    this.marks.set(key, {
      letter,
      mark: { ...this.marks.get(key)?.mark ?? none, ...change },
    });
  }

  #at(): string {
    return new Date(this.now()).toISOString();
  }

  marksOf(letters: readonly LetterName[]): Promise<(LetterMark | undefined)[]> {
    return Promise.resolve(letters.map((letter) => this.marks.get(this.#keyOf(letter))?.mark));
  }

  discard(letter: LetterName, call: string): Promise<void> {
    const mark = this.marks.get(this.#keyOf(letter))?.mark;
    if ((mark?.discarded ?? null) === null) {
      this.#set(letter, { discarded: { at: this.#at(), call } });
    }
    return Promise.resolve();
  }

  replayed(letters: readonly LetterName[], call: string): Promise<void> {
    for (const letter of letters) {
      const before = this.marks.get(this.#keyOf(letter))?.mark.replayed;
      if (before?.call === call) continue;
      const times = (before?.times ?? 0) + 1;
      this.#set(letter, { replayed: { at: this.#at(), call, times } });
    }
    return Promise.resolve();
  }

  forget(partition: number, beforeOffset: number): Promise<void> {
    for (const [key, { letter }] of this.marks) {
      if (letter.partition === partition && letter.offset < beforeOffset) this.marks.delete(key);
    }
    return Promise.resolve();
  }
}
