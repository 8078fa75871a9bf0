/**
 * The figures that three sides must agree on: the reference model, SQL over the journal, and
 * GraphQL. Names as in the report files.
 *
 * @module
 */

/** Counts by name: an event type, or a currency with its amount in minor units. */
export type ByName = Record<string, number>;

/** One UTC event day of a game. */
export interface DayFigures {
  events: number;
  /** Distinct players on the 1, 7, 30 days that end here. */
  dau: number;
  wau: number;
  mau: number;
  new_players: number;
  sessions: number;
  payers: number;
  revenue: ByName;
}

export interface GameFigures {
  events: number;
  event_counts: ByName;
  revenue: ByName;
  /** By day, `2026-01-31`; days on which everything is 0 may be left out. */
  days: Record<string, DayFigures>;
}

export interface PlayerFigures {
  events: number;
  sessions: number;
  event_counts: ByName;
  revenue: ByName;
  /** Highest `properties.level` of a `level.*` event. */
  level: number | null;
  /** Earliest and latest event time, milliseconds. */
  first_seen: number;
  last_seen: number;
  /** Sum over sessions of last minus first event time, milliseconds. */
  play_ms: number;
}

export function emptyDay(): DayFigures {
  return {
    events: 0,
    dau: 0,
    wau: 0,
    mau: 0,
    new_players: 0,
    sessions: 0,
    payers: 0,
    revenue: {},
  };
}

/** Adds `n` to the count of `name`. */
export function addTo(counts: ByName, name: string, n: number): void {
  counts[name] = (Object.hasOwn(counts, name) ? counts[name]! : 0) + n;
}

/** One value on which two sides differ. */
export interface Difference {
  /** `days.2026-01-31.wau` */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/**
 * Where two figures differ. A missing number counts as 0 and a missing object as empty, so that
 * days and currencies without anything may be left out on either side.
 */
export function differences(expected: unknown, actual: unknown, path = ""): Difference[] {
  if (isTree(expected) || isTree(actual)) {
    const left = isTree(expected) ? expected : {};
    const right = isTree(actual) ? actual : {};
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    // An event may be of type `toString`.
    const of = (tree: Record<string, unknown>, key: string) =>
      Object.hasOwn(tree, key) ? tree[key] : undefined;
    return [...keys].sort().flatMap((key) =>
      differences(of(left, key), of(right, key), path === "" ? key : `${path}.${key}`)
    );
  }
  return (expected ?? 0) === (actual ?? 0) ? [] : [{ path, expected, actual }];
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
