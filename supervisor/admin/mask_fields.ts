/**
 * Personal data in admin answers: the values of properties with the names that the operator lists, or
 * with one of them among their words, are masked, at any depth, unless a call asks to see them, which
 * the audit trail then shows. It masks rather too much than too little: `level_name` with `name`, too.
 *
 * @module
 */
import type { DeadLetterView } from "./admin_platform.ts";

/** Stands where a value is masked. */
export const masked = "[redacted]";

/** `E-Mail`, `e_mail` and `eMail` are one name. Capitals, as small letters depend on those beside them. */
const plain = (name: string) => name.toUpperCase().replaceAll(/[^\p{L}\p{N}]/gu, "");

/** `userIPAddress2` is `user`, `ip`, `address`, `2`; what is neither letter nor digit parts words, too. */
const words = (name: string): string[] =>
  name.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|[\p{Lt}\p{Lm}\p{Lo}]+|\p{N}+/gu)
    ?.map(plain) ?? [];

/** Shorter ones are part of too many words: `ip` of `zip`, `name` of `tournament`. */
const partCharsMin = 5;

export class FieldMask {
  readonly #names: ReadonlySet<string>;
  readonly #parts: readonly string[];
  readonly #charsMax: number;

  /** @param names of properties, in any spelling */
  constructor(names: readonly string[]) {
    const listed = names.map(plain);
    this.#names = new Set(listed.flatMap((name) => [name, `${name}S`, `${name}ES`]));
    this.#parts = listed.filter((name) => name.length >= partCharsMin);
    this.#charsMax = Math.max(0, ...[...this.#names].map((name) => name.length));
  }

  /**
   * Whether a name has a listed one among its words, be it several (`user_e_mail`, `contactEmails`), or
   * begins or ends a word with one of five letters and more (`useremail`).
   */
  #holds(name: string): boolean {
    const all = words(name);
    for (let from = 0; from < all.length; from++) {
      let joined = "";
      for (let to = from; to < all.length && joined.length < this.#charsMax; to++) {
        joined += all[to];
        if (this.#names.has(joined)) return true;
      }
    }
    return all.some((word) =>
      this.#parts.some((part) => word.startsWith(part) || word.endsWith(part))
    );
  }

  /** A copy with the values of listed properties masked; absent and null ones stay. */
  value<T>(value: T): T {
    return this.#names.size === 0 ? value : this.#copy(value) as T;
  }

  #copy(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#copy(item));
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => [
        name,
        field !== null && this.#holds(name) ? masked : this.#copy(field),
      ]),
    );
  }

  /** JSON text with the same masked. Of other text nobody can say what is in it: none of it is shown. */
  text(text: string): string {
    if (this.#names.size === 0) return text;
    try {
      return JSON.stringify(this.#copy(JSON.parse(text)));
    } catch {
      return `${masked}: ${text.length} characters that are not whole JSON, see reveal=true`;
    }
  }

  letter(letter: DeadLetterView): DeadLetterView {
    return {
      ...letter,
      payload: this.text(letter.payload),
      event: this.value(letter.event),
      actor: this.value(letter.actor),
    };
  }
}

/** Whether a value holds a mask, as when a masked answer is sent back. */
export function holdsMask(value: unknown): boolean {
  if (value === masked) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsMask);
}
