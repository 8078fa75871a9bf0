/**
 * Why one event was not taken, in words its sender can act on.
 *
 * @module
 */

/** The contract's codes; stable. */
export type RejectionCode =
  | "invalid_json"
  | "not_an_object"
  | "missing_field"
  | "invalid_field"
  | "invalid_timestamp"
  | "timestamp_too_old"
  | "timestamp_in_future"
  | "reserved_type"
  | "ill_formed_text"
  | "unsafe_number"
  | "too_deep"
  | "too_large"
  | "too_many_properties"
  | "game_forbidden";

const shownCharsMax = 40;

/**
 * A value as a message may show it: short, one line, well-formed text whatever it holds.
 * `undefined` is `nothing`.
 */
export function show(value: unknown): string {
  if (typeof value === "string") {
    // JSON.stringify escapes controls and lone surrogates, so a cut through a pair does no harm.
    const text = JSON.stringify(value.slice(0, shownCharsMax));
    return value.length > shownCharsMax ? `${text}… (${value.length} characters)` : text;
  }
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

/** One step of a path: `.level`, `[3]`, or a quoted key when it is not a plain word. */
export function pathStep(key: string | number): string {
  if (typeof key === "number") return `[${key}]`;
  return /^[A-Za-z0-9_$-]{1,64}$/.test(key) ? `.${key}` : `[${show(key)}]`;
}

export class Rejection {
  readonly message: string;

  /**
   * @param path the field, `properties.amount`; empty for the event itself
   * @param expected completes "must be …"
   * @param seen what stood there; shown shortened
   */
  constructor(
    readonly code: RejectionCode,
    readonly path: string,
    expected: string,
    seen: unknown,
  ) {
    this.message = `${path === "" ? "an event" : path} must be ${expected}: got ${show(seen)}`;
  }
}
