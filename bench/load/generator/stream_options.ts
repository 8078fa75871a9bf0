/**
 * What decides the events of a run: with the same options and seed every byte is the same.
 *
 * @module
 */

/** Options of the whole run; each connection's stream is cut out of it. */
export interface StreamOptions {
  /** Any integer. Players, sessions and ids of two seeds never meet. */
  readonly seed: number;
  /** Events of the whole run, duplicates and malformed ones included. */
  readonly events: number;
  /** Events a batch, 1 to 1,000. */
  readonly batch: number;
  /** Connections the players are divided among. */
  readonly connections: number;
  /** Distinct players; half of them play one session and never return. */
  readonly players: number;
  readonly games: number;
  /** Put before each game id, so that a run can have games of its own. @default "" */
  readonly gamePrefix?: string;
  /** Time the run starts, milliseconds since the Unix epoch. */
  readonly originMs: number;
  /** Planned length of the run. */
  readonly seconds: number;
  /** Days of event time that the run tells; 0 tells its own seconds. */
  readonly spanDays: number;
  /** Shares in [0, 1] of events that are sent again, malformed, late, and out of order by seconds. */
  readonly duplicates: number;
  readonly malformed: number;
  readonly late: number;
  readonly unordered: number;
  /** `ws` always sends arrays and has no NDJSON, hence no `invalid_json`. */
  readonly protocol: "http" | "ws";
  /** A game that the key may not write; without it there is no `game_forbidden`. */
  readonly forbiddenGame?: string | undefined;
}

/** Sessions of one player in a run, at most: fewer than an actor remembers, so none is forgotten open. */
export const sessionsPerPlayerMax = 56;

/** How a run's events are spread over sessions and slots, for one connection. */
export interface Shape {
  /** Planned events of the connection. */
  readonly events: number;
  /** Players of the connection. */
  readonly players: number;
  /** Mean events a session between its start and end. */
  readonly sessionEvents: number;
  /** Sessions under way at the same time. */
  readonly slots: number;
  /** Event time of the first event, milliseconds, and the step from one event to the next. */
  readonly startMs: number;
  readonly stepMs: number;
}

const DAY_MS = 86_400_000;

/** Divides the run: what connection number `connection` has to do. */
export function shapeOf(options: StreamOptions, connection: number): Shape {
  const share = (n: number) =>
    Math.floor(n / options.connections) + (connection < n % options.connections ? 1 : 0);
  const events = share(options.events);
  const players = share(options.players);
  const spanMs = options.spanDays > 0 ? options.spanDays * DAY_MS : options.seconds * 1000;
  const stepMs = spanMs / Math.max(1, events);
  // Short enough that every player gets a turn, long enough that nobody plays too many sessions.
  const sessionEvents = Math.ceil(
    Math.max(events / (12 * players), Math.min(20, events / (1.4 * players) - 1), 1),
  );
  // A session takes about 20 s of a live run, a quarter of an hour of a told history.
  const sessionMs = options.spanDays > 0 ? 900_000 : Math.min(20_000, spanMs / 3);
  const slots = Math.ceil(sessionMs / (sessionEvents * stepMs));
  return {
    events,
    players,
    sessionEvents,
    slots: Math.max(1, Math.min(slots, Math.floor(players / 2))),
    startMs: options.originMs - (options.spanDays > 0 ? spanMs : 0),
    stepMs,
  };
}

/** @throws {RangeError} an option is out of range; names it and its value */
export function assertStreamOptions(options: StreamOptions): void {
  const rules: [keyof StreamOptions, boolean, string][] = [
    ["seed", Number.isSafeInteger(options.seed), "an integer"],
    ["events", Number.isSafeInteger(options.events) && options.events >= 1, "at least 1"],
    ["batch", within(options.batch, 1, 1000), "between 1 and 1000"],
    ["connections", within(options.connections, 1, options.players), "between 1 and 'players'"],
    ["connections", within(options.connections, 1, 4096), "between 1 and 4096"],
    ["players", within(options.players, 1, 100_000_000), "between 1 and 100000000"],
    ["games", within(options.games, 1, 10_000), "between 1 and 10000"],
    ["seconds", options.seconds > 0 && Number.isFinite(options.seconds), "above 0"],
    ["spanDays", options.spanDays >= 0 && options.spanDays <= 365, "between 0 and 365"],
    ["duplicates", share(options.duplicates), "between 0 and 0.5"],
    ["malformed", share(options.malformed), "between 0 and 0.5"],
    ["late", share(options.late), "between 0 and 0.5"],
    ["unordered", share(options.unordered), "between 0 and 0.5"],
  ];
  for (const [name, holds, range] of rules) {
    if (!holds) {
      throw new RangeError(
        `Cannot generate load as '${name}' must be ${range}: current value is ${options[name]}`,
      );
    }
  }
}

function within(n: number, low: number, high: number): boolean {
  return Number.isInteger(n) && n >= low && n <= high;
}

function share(n: number): boolean {
  return n >= 0 && n <= 0.5;
}
