/**
 * The metrics, as simply as they can be said: every event is kept in sets and maps and counted by
 * looking at all of them. It shares no code with the platform, so the two agree only when both are
 * right. Slow and hungry on purpose.
 *
 * Events are kept by the user id they came with. Who is whom is asked when figures are read: so a link
 * or its undoing needs no arithmetic, and cannot get any wrong.
 *
 * @module
 */
import {
  addTo,
  type ByName,
  type DayFigures,
  emptyDay,
  type GameFigures,
  type PlayerFigures,
} from "./figures.ts";

/** An event that the platform has accepted. */
export interface ModelEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly user_id: string;
  readonly game_id: string;
  readonly session_id?: string;
  /** Event time, milliseconds. */
  readonly timestamp: number;
  /** Arrival, milliseconds. */
  readonly received_at: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

const DAY_MS = 86_400_000;
/** A gap of arrivals this long ends a session. */
const SILENCE_MS = 30 * 60_000;

/** One run of a player's events with one session id in one game. */
interface Session {
  readonly day: number;
  firstAt: number;
  lastAt: number;
  lastArrival: number;
  ended: boolean;
}

interface Player {
  /** Ids that count no more. */
  readonly seen: Set<string>;
  readonly figures: PlayerFigures;
  /** All sessions, by game and session id, the newest last. */
  readonly sessions: Map<string, Session[]>;
}

interface Game {
  events: number;
  readonly eventCounts: ByName;
  readonly revenue: ByName;
  readonly eventsOfDay: Map<number, number>;
  readonly playersOfDay: Map<number, Set<string>>;
  readonly payersOfDay: Map<number, Set<string>>;
  readonly revenueOfDay: Map<number, ByName>;
  /** Day and arrival of the first applied event of each user id. */
  readonly first: Map<string, { readonly day: number; readonly at: number }>;
  readonly sessions: Session[];
}

export class ReferenceModel {
  readonly #players = new Map<string, Player>();
  readonly #games = new Map<string, Game>();
  /** Who somebody turned out to be; whoever is not here is himself. */
  readonly #aliases = new Map<string, string>();

  /** From now on `alias`, and who was one with him, is the player that `user` is. */
  link(alias: string, user: string): void {
    const known = this.#who(alias);
    const into = this.#who(user);
    if (known === into) return;
    for (const [other, player] of this.#aliases) {
      if (player === known) this.#aliases.set(other, into);
    }
    this.#aliases.set(known, into);
  }

  /** `alias` is a player of his own again, with all that came under his id. */
  unlink(alias: string): void {
    this.#aliases.delete(alias);
  }

  #who = (userId: string): string => this.#aliases.get(userId) ?? userId;

  /** Counts an event; those of one player must come in the order the platform took them. */
  apply(event: ModelEvent): void {
    const player = this.#player(event);
    if (player.seen.has(event.event_id)) return;
    player.seen.add(event.event_id);
    const game = this.#game(event.game_id);
    const day = Math.floor(event.timestamp / DAY_MS);

    countForPlayer(player.figures, event);
    game.events++;
    addTo(game.eventCounts, event.event_type, 1);
    game.eventsOfDay.set(day, (game.eventsOfDay.get(day) ?? 0) + 1);
    setAt(game.playersOfDay, day).add(event.user_id);
    if (!game.first.has(event.user_id)) {
      game.first.set(event.user_id, { day, at: event.received_at });
    }
    if (event.event_type === "purchase") {
      const { amount, currency } = event.properties as { amount: number; currency: string };
      addTo(player.figures.revenue, currency, amount);
      addTo(game.revenue, currency, amount);
      setAt(game.payersOfDay, day).add(event.user_id);
      if (!game.revenueOfDay.has(day)) game.revenueOfDay.set(day, {});
      addTo(game.revenueOfDay.get(day)!, currency, amount);
    }
    this.#countSession(player, game, event, day);
  }

  #countSession(player: Player, game: Game, event: ModelEvent, day: number): void {
    const key = JSON.stringify([event.game_id, event.session_id ?? null]);
    if (!player.sessions.has(key)) player.sessions.set(key, []);
    const runs = player.sessions.get(key)!;
    let session = runs.at(-1);
    const isSilent = session !== undefined && event.received_at - session.lastArrival >= SILENCE_MS;
    // The implicit session really ends; a named one is remembered until it falls silent.
    const isOver = session?.ended === true && event.session_id === undefined;
    if (session === undefined || isSilent || isOver) {
      session = {
        day,
        firstAt: event.timestamp,
        lastAt: event.timestamp,
        lastArrival: event.received_at,
        ended: false,
      };
      runs.push(session);
      game.sessions.push(session);
      player.figures.sessions++;
    }
    session.firstAt = Math.min(session.firstAt, event.timestamp);
    session.lastAt = Math.max(session.lastAt, event.timestamp);
    session.lastArrival = event.received_at;
    if (event.event_type === "session.end") session.ended = true;
  }

  /** Ids of all games, sorted. */
  gameIds(): string[] {
    return [...this.#games.keys()].sort();
  }

  /** Ids of all players, sorted; aliases are none. */
  playerIds(): string[] {
    return [...new Set([...this.#players.keys()].map(this.#who))].sort();
  }

  /** Distinct events counted. */
  eventsTotal(): number {
    return [...this.#games.values()].reduce((sum, game) => sum + game.events, 0);
  }

  /** The figures of a player, whichever of his ids he is asked for by. */
  player(userId: string): PlayerFigures | undefined {
    const parts = [...this.#players].filter(([id]) => this.#who(id) === this.#who(userId))
      .map(([, player]) => player);
    if (parts.length === 0) return undefined;
    let playMs = 0;
    for (const session of parts.flatMap(({ sessions }) => [...sessions.values()].flat())) {
      playMs += session.lastAt - session.firstAt;
    }
    return { ...parts.map(({ figures }) => figures).reduce(together), play_ms: playMs };
  }

  /** The game's figures, with each day from its first to 29 days after its last: windows run on. */
  game(gameId: string): GameFigures | undefined {
    const game = this.#games.get(gameId);
    if (game === undefined) return undefined;
    const days: Record<string, DayFigures> = {};
    const active = [...game.playersOfDay.keys()];
    const last = active.reduce((a, b) => Math.max(a, b));
    for (let day = active.reduce((a, b) => Math.min(a, b)); day <= last + 29; day++) {
      days[new Date(day * DAY_MS).toISOString().slice(0, 10)] = dayOfGame(game, day, this.#who);
    }
    return {
      events: game.events,
      event_counts: { ...game.eventCounts },
      revenue: { ...game.revenue },
      days,
    };
  }

  /** Sessions of a game that are open at `nowMs`. */
  ccu(gameId: string, nowMs: number): number {
    const sessions = this.#games.get(gameId)?.sessions ?? [];
    return sessions.filter((s) => !s.ended && nowMs - s.lastArrival < SILENCE_MS).length;
  }

  #player(event: ModelEvent): Player {
    let player = this.#players.get(event.user_id);
    if (player === undefined) {
      player = {
        seen: new Set(),
        sessions: new Map(),
        figures: {
          events: 0,
          sessions: 0,
          event_counts: {},
          revenue: {},
          level: null,
          first_seen: event.timestamp,
          last_seen: event.timestamp,
          play_ms: 0,
        },
      };
      this.#players.set(event.user_id, player);
    }
    return player;
  }

  #game(gameId: string): Game {
    let game = this.#games.get(gameId);
    if (game === undefined) {
      game = {
        events: 0,
        eventCounts: {},
        revenue: {},
        eventsOfDay: new Map(),
        playersOfDay: new Map(),
        payersOfDay: new Map(),
        revenueOfDay: new Map(),
        first: new Map(),
        sessions: [],
      };
      this.#games.set(gameId, game);
    }
    return game;
  }
}

function countForPlayer(figures: PlayerFigures, event: ModelEvent): void {
  figures.events++;
  addTo(figures.event_counts, event.event_type, 1);
  figures.first_seen = Math.min(figures.first_seen, event.timestamp);
  figures.last_seen = Math.max(figures.last_seen, event.timestamp);
  const level = event.properties["level"];
  if (event.event_type.startsWith("level.") && typeof level === "number") {
    figures.level = Math.max(figures.level ?? level, level);
  }
}

/** The figures of two user ids that are one player; `play_ms` aside. */
function together(a: PlayerFigures, b: PlayerFigures): PlayerFigures {
  return {
    events: a.events + b.events,
    sessions: a.sessions + b.sessions,
    event_counts: sum(a.event_counts, b.event_counts),
    revenue: sum(a.revenue, b.revenue),
    level: a.level === null ? b.level : Math.max(a.level, b.level ?? a.level),
    first_seen: Math.min(a.first_seen, b.first_seen),
    last_seen: Math.max(a.last_seen, b.last_seen),
    play_ms: 0,
  };
}

function sum(a: ByName, b: ByName): ByName {
  const total = { ...a };
  for (const [name, n] of Object.entries(b)) addTo(total, name, n);
  return total;
}

/** Who a user id is. */
type Who = (userId: string) => string;

function dayOfGame(game: Game, day: number, who: Who): DayFigures {
  const figures = emptyDay();
  figures.events = game.eventsOfDay.get(day) ?? 0;
  figures.dau = distinctPlayers(game, day, 1, who);
  figures.wau = distinctPlayers(game, day, 7, who);
  figures.mau = distinctPlayers(game, day, 30, who);
  figures.new_players = cohortDays(game, who).filter((d) => d === day).length;
  figures.sessions = game.sessions.filter((s) => s.day === day).length;
  figures.payers = new Set([...game.payersOfDay.get(day) ?? []].map(who)).size;
  figures.revenue = { ...game.revenueOfDay.get(day) };
  return figures;
}

/** The cohort day of each player: that of the first event applied for any of his ids. */
function cohortDays(game: Game, who: Who): number[] {
  const firsts = new Map<string, { readonly day: number; readonly at: number }>();
  // Of two that came in the same millisecond the smaller id's is the first.
  const byId = [...game.first].sort(([a], [b]) => a < b ? -1 : 1);
  for (const [userId, first] of byId) {
    const known = firsts.get(who(userId));
    if (known === undefined || first.at < known.at) firsts.set(who(userId), first);
  }
  return [...firsts.values()].map(({ day }) => day);
}

/** Players with an event on the `length` days that end at `day`. */
function distinctPlayers(game: Game, day: number, length: number, who: Who): number {
  const players = new Set<string>();
  for (let d = day - length + 1; d <= day; d++) {
    for (const userId of game.playersOfDay.get(d) ?? []) players.add(who(userId));
  }
  return players.size;
}

function setAt(sets: Map<number, Set<string>>, day: number): Set<string> {
  if (!sets.has(day)) sets.set(day, new Set());
  return sets.get(day)!;
}
