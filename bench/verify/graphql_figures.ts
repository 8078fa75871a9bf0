/**
 * The figures as clients see them: read through GraphQL.
 *
 * @module
 */
import { HttpConnection } from "../load/client/http_connection.ts";
import { ConnectionClosed } from "../load/client/socket.ts";
import type { Answer, Target } from "../load/client/transport.ts";
import type { ByName, DayFigures, GameFigures, PlayerFigures } from "./figures.ts";

/** Aliases a document may have are bounded: one a currency, twice for games. */
const currenciesPerQuery = 20;
/** The interface gives at most 400 days at once. */
const daysPerQuery = 400;
const DAY_MS = 86_400_000;

interface TypeCount {
  readonly type: string;
  readonly count: number;
}

/** `r_USD: revenueMinor(currency: "USD")` for each currency is read back under its alias. */
type Revenue = { readonly [alias: `r_${string}`]: number };

type GameAnswer = Revenue & {
  readonly eventsTotal: number;
  readonly ccu: number;
  readonly eventCounts: readonly TypeCount[];
  readonly days: readonly (Revenue & {
    readonly day: string;
    readonly events: number;
    readonly dau: number;
    readonly wau: number;
    readonly mau: number;
    readonly newPlayers: number;
    readonly sessions: number;
    readonly payers: number;
  })[];
};

type PlayerAnswer = Revenue & {
  readonly eventsTotal: number;
  readonly sessionsTotal: number;
  readonly playSeconds: number;
  readonly level: number | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly eventCounts: readonly TypeCount[];
};

/** A connection that nobody has used for long is closed by the platform; a read can be sent again. */
async function sendAgain(connection: HttpConnection, body: string): Promise<Answer> {
  try {
    return await connection.send(body);
  } catch (error) {
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    const isClosed = [ConnectionClosed, BrokenPipe, ConnectionReset]
      .some((kind) => error instanceof kind);
    if (!isClosed) throw error;
    return await connection.send(body);
  }
}

/** A client of the platform's GraphQL interface, with `connections` requests at a time. */
export class GraphqlReader {
  readonly #connections: HttpConnection[];
  readonly #free: HttpConnection[];
  readonly #waiting: ((connection: HttpConnection) => void)[] = [];
  readonly #expiry: ReturnType<typeof setInterval>;

  /** @param connections @default 8 */
  constructor(target: Target, connections = 8) {
    this.#connections = Array.from(
      { length: connections },
      () => new HttpConnection(target, "/graphql"),
    );
    this.#free = [...this.#connections];
    this.#expiry = setInterval(() => {
      for (const connection of this.#connections) connection.expire(performance.now());
    }, 500);
  }

  close(): void {
    clearInterval(this.#expiry);
    for (const connection of this.#connections) connection.close();
  }

  /**
   * Runs a query.
   *
   * @throws {Error} the answer has errors, or there is none
   */
  async query<T>(query: string, variables: Readonly<Record<string, unknown>>): Promise<T> {
    const connection = this.#free.pop() ??
      await new Promise<HttpConnection>((resolve) => this.#waiting.push(resolve));
    try {
      const answer = await sendAgain(connection, asciiJson({ query, variables }));
      const body = JSON.parse(answer.body) as { data?: T | null; errors?: unknown[] };
      if (answer.status === 200 && body.errors === undefined && body.data) return body.data;
      throw new Error(`Cannot read ${JSON.stringify(variables)}: ${answer.status} ${answer.body}`);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(connection);
      else next(connection);
    }
  }

  /** Events counted by a game; 0 when the platform has never seen it. */
  async gameEvents(gameId: string): Promise<number> {
    const { game } = await this.query<{ game: { eventsTotal: number } | null }>(
      "query($id:ID!){game(id:$id){eventsTotal}}",
      { id: gameId },
    );
    return game?.eventsTotal ?? 0;
  }

  /** Open sessions of a game. */
  async ccu(gameId: string): Promise<number> {
    const { game } = await this.query<{ game: { ccu: number } | null }>(
      "query($id:ID!){game(id:$id){ccu}}",
      { id: gameId },
    );
    return game?.ccu ?? 0;
  }

  /**
   * A game's figures.
   *
   * @param days first and last day, `2026-01-31`, both inclusive
   * @param currencies those to ask for
   */
  async game(
    gameId: string,
    days: readonly [string, string],
    currencies: readonly string[],
  ): Promise<GameFigures | undefined> {
    let figures: GameFigures | undefined;
    for (const [from, to] of ranges(days, daysPerQuery)) {
      for (const some of chunks(currencies, currenciesPerQuery)) {
        const revenue = some.map((c) => `r_${c}:revenueMinor(currency:"${c}")`).join(" ");
        const { game } = await this.query<{ game: GameAnswer | null }>(
          `query($id:ID!,$from:Date!,$to:Date!){game(id:$id){
            eventsTotal ccu eventCounts{type count} ${revenue}
            days(from:$from,to:$to){day events dau wau mau newPlayers sessions payers ${revenue}}}}`,
          { id: gameId, from, to },
        );
        if (game === null) return undefined;
        figures = mergeGame(figures, game, some);
      }
    }
    return figures;
  }

  /** A player's figures over all games. */
  async player(
    userId: string,
    currencies: readonly string[],
  ): Promise<PlayerFigures | undefined> {
    let figures: PlayerFigures | undefined;
    for (const some of chunks(currencies, currenciesPerQuery)) {
      const revenue = some.map((c) => `r_${c}:revenueMinor(currency:"${c}")`).join(" ");
      const { player } = await this.query<{ player: PlayerAnswer | null }>(
        `query($id:ID!){player(id:$id){eventsTotal sessionsTotal playSeconds level
          firstSeen lastSeen eventCounts{type count} ${revenue}}}`,
        { id: userId },
      );
      if (player === null) return undefined;
      figures = {
        events: player.eventsTotal,
        sessions: player.sessionsTotal,
        event_counts: byType(player.eventCounts),
        level: player.level,
        first_seen: Date.parse(player.firstSeen),
        last_seen: Date.parse(player.lastSeen),
        play_ms: Math.round(player.playSeconds * 1000),
        revenue: { ...figures?.revenue, ...byCurrency(player, some) },
      };
    }
    return figures;
  }
}

function mergeGame(
  before: GameFigures | undefined,
  game: GameAnswer,
  currencies: readonly string[],
): GameFigures {
  const days: Record<string, DayFigures> = { ...before?.days };
  for (const d of game.days) {
    days[d.day] = {
      events: d.events,
      dau: d.dau,
      wau: d.wau,
      mau: d.mau,
      new_players: d.newPlayers,
      sessions: d.sessions,
      payers: d.payers,
      revenue: { ...days[d.day]?.revenue, ...byCurrency(d, currencies) },
    };
  }
  return {
    events: game.eventsTotal,
    event_counts: byType(game.eventCounts),
    revenue: { ...before?.revenue, ...byCurrency(game, currencies) },
    days,
  };
}

function byType(counts: readonly TypeCount[]): ByName {
  return Object.fromEntries(counts.map(({ type, count }) => [type, count]));
}

function byCurrency(revenue: Revenue, currencies: readonly string[]): ByName {
  return Object.fromEntries(currencies.map((currency) => [currency, revenue[`r_${currency}`]!]));
}

/** At least one chunk, so that without any currency the rest is asked for all the same. */
function chunks<T>(items: readonly T[], size: number): T[][] {
  const all: T[][] = [];
  for (let i = 0; i === 0 || i < items.length; i += size) all.push(items.slice(i, i + size));
  return all;
}

/** The range in pieces of at most `size` days. */
function ranges([from, to]: readonly [string, string], size: number): [string, string][] {
  const all: [string, string][] = [];
  const last = Date.parse(to);
  for (let day = Date.parse(from); day <= last; day += size * DAY_MS) {
    all.push([dateOf(day), dateOf(Math.min(last, day + (size - 1) * DAY_MS))]);
  }
  return all;
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** JSON in ASCII: what the connection can carry, whatever the ids. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
