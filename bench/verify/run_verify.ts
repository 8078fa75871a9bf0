/**
 * The verification: acknowledged ids, SQL and GraphQL must tell the same story.
 *
 * @module
 */
import postgres from "postgres";
import type { Expectation } from "../load/expectation.ts";
import type { Target } from "../load/client/transport.ts";
import { type Check, Comparison } from "./check.ts";
import { checkAcks, checkNoRepeats, countMissing, loadAcks } from "./check_acks.ts";
import { differences, type GameFigures, type PlayerFigures } from "./figures.ts";
import { GraphqlReader } from "./graphql_figures.ts";
import {
  prepare,
  recomputeCcu,
  recomputeGames,
  recomputePlayers,
  type Sql,
} from "./recompute_sql.ts";
import { settle } from "./settle.ts";

/** Between the look at CCU and that at SQL, a session may fall silent, and timers take their time. */
const ccuSlackMs = 15_000;

export interface VerifyPlan {
  readonly target: Target;
  /** PostgreSQL URL of the store. */
  readonly storeUrl: string;
  readonly studio: string;
  /** Path of the run's ack file. */
  readonly acks?: string | undefined;
  /** Path of the run's expected totals. */
  readonly expect?: string | undefined;
  /** Players to compare one by one; `undefined`: all. */
  readonly players: number | undefined;
  /** How long the platform may take to catch up. */
  readonly timeoutMs: number;
  /** Between two looks whether it has, milliseconds. @default 500 */
  readonly pollMs?: number;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** How long the platform took to catch up. */
  readonly settled_seconds: number;
  /** Distinct events in SQL. */
  readonly events: number;
  readonly checks: readonly Check[];
}

/**
 * Runs all checks.
 *
 * @throws {Error} store or platform cannot be reached
 */
export async function runVerify(plan: VerifyPlan): Promise<VerifyReport> {
  // One connection, as the checks share temporary tables. JIT would compile for longer than it runs.
  const sql = postgres(plan.storeUrl, {
    max: 1,
    onnotice: () => {},
    connection: { jit: false, work_mem: "64MB" },
  });
  const graphql = new GraphqlReader(plan.target);
  try {
    return await verify(plan, sql, graphql);
  } finally {
    graphql.close();
    await sql.end();
  }
}

async function verify(plan: VerifyPlan, sql: Sql, graphql: GraphqlReader): Promise<VerifyReport> {
  const { studio } = plan;
  const acks = plan.acks === undefined ? undefined : await loadAcks(sql, plan.acks);
  const settled = await settle(
    {
      missing: () => acks === undefined ? Promise.resolve(0) : countMissing(sql, studio),
      stored: () => storedByGame(sql, studio),
      counted: (gameId) => graphql.gameEvents(gameId),
    },
    plan.timeoutMs,
    (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    () => performance.now(),
    plan.pollMs,
  );
  const checks: Check[] = [{
    name: "the platform has caught up",
    ok: settled.ok,
    detail: settled.ok ? `after ${settled.seconds.toFixed(1)} s` : settled.reason,
    examples: [],
  }];
  if (acks !== undefined) checks.push(...await checkAcks(sql, studio, acks));
  checks.push(await checkNoRepeats(sql, studio));

  await prepare(sql, { studio, sample: plan.players });
  const games = await recomputeGames(sql);
  const players = await recomputePlayers(sql);
  checks.push(await compareGames(graphql, games));
  checks.push(await compareCcu(sql, graphql, games));
  checks.push(await comparePlayers(graphql, players));
  if (plan.expect !== undefined) {
    const expectation = JSON.parse(await Deno.readTextFile(plan.expect)) as Expectation;
    checks.push(...compareExpectation(expectation, games, players));
  }
  return {
    ok: checks.every((check) => check.ok !== false),
    settled_seconds: settled.seconds,
    events: [...games.values()].reduce((sum, game) => sum + game.events, 0),
    checks,
  };
}

async function storedByGame(sql: Sql, studio: string): Promise<Map<string, number>> {
  const rows = await sql<{ game_id: string; n: number }[]>`
    select game_id, count(*)::float8 as n from player_events
    where not internal and studio = ${studio} group by 1`;
  return new Map(rows.map(({ game_id, n }) => [game_id, n]));
}

async function compareGames(
  graphql: GraphqlReader,
  games: ReadonlyMap<string, GameFigures>,
): Promise<Check> {
  const comparison = new Comparison("GraphQL games and days equal SQL", "games");
  let days = 0;
  for (const [id, expected] of games) {
    const dates = Object.keys(expected.days).sort();
    days += dates.length;
    // A day before and after, where everything must be zero.
    const range = [shift(dates[0]!, -1), shift(dates.at(-1)!, 1)] as const;
    const actual = await graphql.game(id, range, Object.keys(expected.revenue));
    comparison.add(id, differences(expected, actual));
  }
  const check = comparison.result();
  return { ...check, detail: `${check.detail}, ${days} days` };
}

async function compareCcu(
  sql: Sql,
  graphql: GraphqlReader,
  games: ReadonlyMap<string, GameFigures>,
): Promise<Check> {
  const comparison = new Comparison("GraphQL CCU equals the open sessions in SQL", "games");
  let open = 0;
  for (const id of games.keys()) {
    const before = Date.now();
    const actual = await graphql.ccu(id);
    const now = await recomputeCcu(sql, before - ccuSlackMs, Date.now() + ccuSlackMs);
    const { min, max } = now.get(id) ?? { min: 0, max: 0 };
    open += actual;
    const expected = min === max ? min : `${min} to ${max}`;
    comparison.add(id, actual >= min && actual <= max ? [] : [{ path: "ccu", expected, actual }]);
  }
  const check = comparison.result();
  return { ...check, detail: `${check.detail}, ${open} open` };
}

async function comparePlayers(
  graphql: GraphqlReader,
  players: ReadonlyMap<string, PlayerFigures>,
): Promise<Check> {
  const comparison = new Comparison("GraphQL players equal SQL", "players");
  const queue = players.entries();
  // As many readers as the client has connections; each takes the next player.
  const read = async () => {
    for (const [id, expected] of queue) {
      const actual = await graphql.player(id, Object.keys(expected.revenue));
      comparison.add(id, differences(expected, actual));
    }
  };
  await Promise.all(Array.from({ length: 8 }, read));
  return comparison.result();
}

/** SQL against what the generator says it must be. Games and players of other runs do not matter. */
function compareExpectation(
  expectation: Expectation,
  games: ReadonlyMap<string, GameFigures>,
  players: ReadonlyMap<string, PlayerFigures>,
): Check[] {
  const { unknown, mismatches } = expectation;
  if (unknown > 0 || mismatches > 0) {
    return [{
      name: "SQL equals the generator's expectation",
      ok: undefined,
      detail: `no exact expectation: ${unknown} unknown outcomes, ${mismatches} unexpected answers`,
      examples: [],
    }];
  }
  const ofGames = new Comparison("SQL games and days equal the expectation", "games");
  for (const [id, expected] of Object.entries(expectation.games)) {
    ofGames.add(id, differences(expected, games.get(id)));
  }
  const ofPlayers = new Comparison("SQL players equal the expectation", "players");
  for (const [id, actual] of players) {
    const expected = expectation.players[id];
    if (expected !== undefined) ofPlayers.add(id, differences(expected, actual));
  }
  return [ofGames.result(), ofPlayers.result()];
}

function shift(date: string, days: number): string {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10);
}
