/**
 * The metrics once more, from the journal by SQL: what an analyst would write who knows nothing of
 * actors. Definitions are those of the reference model.
 *
 * Ids that were linked are one player (`player_alias`): distinct players, payers and cohorts are counted
 * by who somebody is, sessions by the id that an event came with.
 *
 * @module
 */
import type postgres from "postgres";
import {
  addTo,
  type DayFigures,
  emptyDay,
  type GameFigures,
  type PlayerFigures,
} from "./figures.ts";

/** A session of the database: the queries share temporary tables. */
export type Sql = postgres.Sql;

/** What to recompute. */
export interface Scope {
  readonly studio: string;
  /** How many players to look at one by one, 0 for none; `undefined`: all. Games count everybody. */
  readonly sample: number | undefined;
}

/** Sessions of a game that are open: silence may end one between two looks, so it is a range. */
export interface OpenSessions {
  readonly min: number;
  readonly max: number;
}

/**
 * Copies the studio's events, with their UTC day, and derives their sessions and the players to
 * look at. All that follows reads these copies, so it is of one moment.
 *
 * @param sql a client of exactly one connection
 */
export async function prepare(sql: Sql, scope: Scope): Promise<void> {
  await sql`drop table if exists verify_events, verify_sessions, verify_players`;
  await sql`
    create temp table verify_events as
    select partition, "offset", received_at, coalesce(a.user_id, e.user_id) as user_id,
      e.user_id as came_as, game_id, event_type, session_id, "timestamp",
      floor(extract(epoch from "timestamp") / 86400)::int as day,
      case when event_type = 'purchase' then (properties ->> 'amount')::numeric end as amount,
      case when event_type = 'purchase' then properties ->> 'currency' end as currency,
      case when event_type like 'level.%' and json_typeof(properties::json -> 'level') = 'number'
        then (properties ->> 'level')::numeric end as level
    from player_events e
      left join player_alias a on a.studio = e.studio and a.alias_id = e.user_id
    where not internal and e.studio = ${scope.studio}`;
  await sql`analyze verify_events`;
  await sql`
    create temp table verify_sessions as
    with marked as (
      select *, (
        lag(received_at) over run is null
        or received_at - lag(received_at) over run >= interval '30 minutes'
        -- The implicit session really ends; a named one is remembered until it falls silent.
        or (session_id is null and lag(event_type) over run = 'session.end')
      )::int as starts
      from verify_events
      window run as (partition by user_id, came_as, game_id, session_id order by partition, "offset")
    ), numbered as (
      select *, sum(starts) over (
        partition by user_id, came_as, game_id, session_id order by partition, "offset"
      ) as number
      from marked
    )
    select user_id, game_id,
      max(day) filter (where starts = 1) as day,
      min("timestamp") as first_at,
      max("timestamp") as last_at,
      max(received_at) as last_arrival,
      bool_or(event_type = 'session.end') as ended
    from numbered
    group by user_id, came_as, game_id, session_id, number`;
  // By hash, so that the sample does not prefer early players, and is the same each time.
  await sql`
    create temp table verify_players as
    select user_id from (select distinct user_id from verify_events) p
    order by md5(user_id), user_id
    limit ${scope.sample ?? null}`;
}

/** Figures of every game, days from the first with an event to 30 after the last. */
export async function recomputeGames(sql: Sql): Promise<Map<string, GameFigures>> {
  const games = new Map<string, GameFigures>();
  const types = await sql<{ game_id: string; event_type: string; n: number }[]>`
    select game_id, event_type, count(*)::float8 as n from verify_events group by 1, 2`;
  for (const { game_id, event_type, n } of types) {
    if (!games.has(game_id)) {
      games.set(game_id, { events: 0, event_counts: {}, revenue: {}, days: {} });
    }
    const game = games.get(game_id)!;
    game.events += n;
    addTo(game.event_counts, event_type, n);
  }
  const day = (gameId: string, at: number): DayFigures => {
    return games.get(gameId)!.days[dateOf(at)] ??= emptyDay();
  };
  await countDays(sql, day);
  await countWindows(sql, day);
  const revenue = await sql<{ game_id: string; day: number; currency: string; n: number }[]>`
    select game_id, day, currency, sum(amount)::float8 as n from verify_events
    where currency is not null group by 1, 2, 3`;
  for (const { game_id, day: at, currency, n } of revenue) {
    addTo(games.get(game_id)!.revenue, currency, n);
    addTo(day(game_id, at).revenue, currency, n);
  }
  return games;
}

type DayOf = (gameId: string, day: number) => DayFigures;

async function countDays(sql: Sql, dayOf: DayOf): Promise<void> {
  const counts = await sql<
    { game_id: string; day: number; events: number; dau: number; payers: number }[]
  >`
    select game_id, day, count(*)::float8 as events,
      count(distinct user_id)::float8 as dau,
      count(distinct user_id) filter (where event_type = 'purchase')::float8 as payers
    from verify_events group by 1, 2`;
  for (const { game_id, day, events, dau, payers } of counts) {
    Object.assign(dayOf(game_id, day), { events, dau, payers });
  }
  const cohorts = await sql<{ game_id: string; day: number; n: number }[]>`
    select game_id, day, count(*)::float8 as n from (
      select distinct on (game_id, user_id) game_id, day from verify_events
      order by game_id, user_id, received_at, came_as, "offset"
    ) first_applied group by 1, 2`;
  for (const { game_id, day, n } of cohorts) dayOf(game_id, day).new_players = n;
  const sessions = await sql<{ game_id: string; day: number; n: number }[]>`
    select game_id, day, count(*)::float8 as n from verify_sessions group by 1, 2`;
  for (const { game_id, day, n } of sessions) dayOf(game_id, day).sessions = n;
}

/**
 * WAU and MAU: each active day of a player counts into the days from it on, until the window has
 * passed or his next active day takes over. What begins and ends is summed up day by day.
 */
async function countWindows(sql: Sql, dayOf: DayOf): Promise<void> {
  const changes = await sql<{ game_id: string; day: number; wau: number; mau: number }[]>`
    with active as (
      select distinct game_id, user_id, day from verify_events
    ), spans as (
      select game_id, day,
        least(day + 7, lead(day) over later) as wau_end,
        least(day + 30, lead(day) over later) as mau_end
      from active
      window later as (partition by game_id, user_id order by day)
    ), changes as (
      select game_id, day, 1 as wau, 1 as mau from spans
      union all select game_id, wau_end, -1, 0 from spans
      union all select game_id, mau_end, 0, -1 from spans
    )
    select game_id, day, sum(wau)::float8 as wau, sum(mau)::float8 as mau
    from changes group by 1, 2 order by 1, 2`;
  let wau = 0;
  let mau = 0;
  changes.forEach((change, i) => {
    wau += change.wau;
    mau += change.mau;
    const next = changes[i + 1];
    // A game's last change is where its last window ends: all counts are 0 from there on.
    const until = next?.game_id === change.game_id ? next.day : change.day + 1;
    for (let day = change.day; day < until; day++) {
      Object.assign(dayOf(change.game_id, day), { wau, mau });
    }
  });
}

/** Figures of the players chosen by {@link prepare}. */
export async function recomputePlayers(sql: Sql): Promise<Map<string, PlayerFigures>> {
  const players = new Map<string, PlayerFigures>();
  const totals = await sql<
    {
      user_id: string;
      events: number;
      level: number | null;
      first_seen: number;
      last_seen: number;
    }[]
  >`
    select user_id, count(*)::float8 as events, max(level)::float8 as level,
      (extract(epoch from min("timestamp")) * 1000)::float8 as first_seen,
      (extract(epoch from max("timestamp")) * 1000)::float8 as last_seen
    from verify_events join verify_players using (user_id) group by 1`;
  for (const { user_id, ...figures } of totals) {
    players.set(user_id, {
      ...figures,
      sessions: 0,
      play_ms: 0,
      event_counts: {},
      revenue: {},
    });
  }
  const types = await sql<{ user_id: string; event_type: string; n: number }[]>`
    select user_id, event_type, count(*)::float8 as n
    from verify_events join verify_players using (user_id) group by 1, 2`;
  for (const { user_id, event_type, n } of types) {
    players.get(user_id)!.event_counts[event_type] = n;
  }
  const revenue = await sql<{ user_id: string; currency: string; n: number }[]>`
    select user_id, currency, sum(amount)::float8 as n
    from verify_events join verify_players using (user_id)
    where currency is not null group by 1, 2`;
  for (const { user_id, currency, n } of revenue) players.get(user_id)!.revenue[currency] = n;
  const sessions = await sql<{ user_id: string; sessions: number; play_ms: number }[]>`
    select user_id, count(*)::float8 as sessions,
      (sum(extract(epoch from last_at - first_at)) * 1000)::float8 as play_ms
    from verify_sessions join verify_players using (user_id) group by 1`;
  for (const { user_id, ...figures } of sessions) Object.assign(players.get(user_id)!, figures);
  return players;
}

/**
 * Open sessions by game at some moment from `fromMs` to `toMs` (milliseconds since the epoch).
 * Games without one are left out.
 */
export async function recomputeCcu(
  sql: Sql,
  fromMs: number,
  toMs: number,
): Promise<Map<string, OpenSessions>> {
  const rows = await sql<{ game_id: string; min: number; max: number }[]>`
    select game_id,
      (count(*) filter (where heard > ${toMs}::float8 - 1800000))::float8 as min,
      (count(*) filter (where heard > ${fromMs}::float8 - 1800000))::float8 as max
    from (
      select game_id, extract(epoch from last_arrival) * 1000 as heard
      from verify_sessions where not ended
    ) open group by 1`;
  return new Map(rows.map(({ game_id, min, max }) => [game_id, { min, max }]));
}

function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}
