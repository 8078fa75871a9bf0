/**
 * Personal data in admin answers: the values of properties with the names that the operator lists
 * are masked, at any depth, unless a call asks to see them, which the audit trail then shows.
 *
 * @module
 */
import type { DeadLetterView } from "./admin_platform.ts";

/** Stands where a value is masked. */
export const masked = "[redacted]";

/** `E-Mail`, `e_mail` and `eMail` are one name. */
const plain = (name: string) => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");

export class FieldMask {
  readonly #names: ReadonlySet<string>;

  /** @param names of properties, in any spelling */
  constructor(names: readonly string[]) {
    this.#names = new Set(names.map(plain));
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
        field !== null && this.#names.has(plain(name)) ? masked : this.#copy(field),
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
