/**
 * Reads events of a studio from the journal, newest first, page by page.
 *
 * @module
 */
import postgres from "postgres";
import { InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { type JsonObject, playerId } from "../../schema/event.ts";
import { fingerprintBigint } from "../../schema/hash.ts";
import { isStorableText } from "../../schema/hostile_values.ts";
import { DAY_MS, limits } from "../../schema/limits.ts";
import { partitionOf } from "../../schema/partition.ts";
import type { EventFilter, EventPage, RecordedEvent } from "../platform.ts";
import { decodeCursor, encodeCursor, type EventPosition } from "./sql/event_cursor.ts";
import { serverFault } from "./faults.ts";
import { type PoolMetrics, SqlPool } from "./sql_pool.ts";
import { deadlines } from "./sql/deadlines.ts";

export interface EventReaderOptions {
  /** `postgres://` URL of a prepared database. */
  readonly url: string;
  /** @default 2 */
  readonly connections?: number;
  /** Deadline of a page, milliseconds. @default 5000 */
  readonly timeoutMs?: number;
  /** @default counted nowhere */
  readonly metrics?: PoolMetrics;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

interface Row {
  readonly id: string;
  readonly type: string;
  readonly user_id: string;
  readonly game_id: string;
  readonly session_id: string | null;
  readonly timestamp: number;
  readonly received_at: number;
  readonly properties: JsonObject;
  readonly context: JsonObject;
  readonly partition: number;
  readonly offset: number;
  /** Of its properties and context. */
  readonly bytes: number;
  /** Rows that were found with it, those beyond the bytes of a page, too. */
  readonly found: number;
}

/** A stretch of arrival, milliseconds: `from` inclusive, `to` exclusive. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * How far back the stretches reach that are tried one after the other. Days that are not reached are
 * not opened; a page of a busy studio ends in the first stretch.
 */
const reachesMs = [10 * 60_000, DAY_MS, 8 * DAY_MS];

/** An event may have been replayed from the dead letters, a week later; and clocks differ. */
const arrivalSlackMs = 8 * DAY_MS;

/** Reads pages. Connects lazily. */
export class EventReader {
  readonly #pool: SqlPool;
  readonly #timeoutMs: number;
  readonly #now: () => number;
  /** Partitions of the raw topic, as the deployment remembers them; they never change. */
  #partitions: number | undefined;

  constructor(options: EventReaderOptions) {
    const { url, connections = 2, timeoutMs = 5000, now = Date.now } = options;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
    const settings = {
      application_name: "gamemetrics-events",
      default_transaction_read_only: "on",
      ...deadlines(timeoutMs),
      // The order is the index's; reading a day to sort it would never be right.
      enable_seqscan: "off",
      enable_bitmapscan: "off",
    };
    const counted = options.metrics === undefined ? {} : { metrics: options.metrics };
    this.#pool = new SqlPool({ url, connections, settings, ...counted });
  }

  /**
   * Events of a studio, newest first by (received, partition, offset). The platform's internal
   * events are left out. A page is shorter than `first`, and another follows, where its events come to
   * more than `limits.pageBytesMax`.
   *
   * @param first how many, 1 to `limits.pageSizeMax`
   * @param after the cursor of the event to go on from
   * @param _isFresh for whoever chooses among several readers
   * @throws {InvalidInput} `invalid_cursor`, or `invalid_field` for `first`
   * @throws {Unavailable} the store is away, or the filter matches too little to be found in time
   */
  async events(
    studio: string,
    filter: EventFilter,
    first: number,
    after?: string,
    _isFresh = false,
  ): Promise<EventPage> {
    if (!Number.isInteger(first) || first < 1 || first > limits.pageSizeMax) {
      const range = `from 1 to ${limits.pageSizeMax}`;
      throw new InvalidInput("invalid_field", `first must be ${range}: it is ${first}`, "first");
    }
    const cursor = after === undefined ? undefined : decodeCursor(after);
    if (!fitsSomething(filter)) return { events: [], hasNextPage: false, bytes: 0 };
    const deadline = performance.now() + this.#timeoutMs;
    const rows: Row[] = [];
    let isCut = false;
    let bytesLeft = limits.pageBytesMax;
    const stretches = filter.userId === undefined ? stretchesOf(filter, cursor, this.#now()) : [
      { from: -Infinity, to: Infinity },
    ];
    for (const stretch of stretches) {
      const most = { rows: first + 1 - rows.length, bytes: bytesLeft };
      const more = await this.#select(deadline, studio, filter, cursor, stretch, most);
      rows.push(...more);
      isCut = more.length > 0 && more.length < more[0]!.found;
      bytesLeft -= more.reduce((sum, { bytes }) => sum + bytes, 0);
      if (rows.length > first || isCut) break;
    }
    const shown = rows.slice(0, first);
    const bytes = shown.reduce((sum, row) => sum + row.bytes, 0);
    const events = shown.map((row) => ({
      cursor: encodeCursor(positionOf(row)),
      event: recorded(row),
    }));
    return { events, hasNextPage: isCut || rows.length > first, bytes };
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #select(
    deadline: number,
    studio: string,
    filter: EventFilter,
    cursor: EventPosition | undefined,
    stretch: Stretch,
    most: { readonly rows: number; readonly bytes: number },
  ): Promise<Row[]> {
    const players = filter.userId === undefined
      ? undefined
      : await this.#players(deadline, studio, filter.userId, filter.exact === true);
    return await this.#run(deadline, (sql) => {
      const at = (ms: number) => sql`to_timestamp(${ms}::float8 / 1000)`;
      const types = JSON.stringify(filter.types?.filter(isStorableText));
      return sql<Row[]>`
        select * from (
          select *, (count(*) over ())::int as found, sum(bytes) over (
            order by received_at desc, partition desc, "offset" desc) as running
          from (
        select event_id as id, event_type as type, user_id, game_id, session_id,
          (extract(epoch from "timestamp") * 1000)::float8 as "timestamp",
          (extract(epoch from received_at) * 1000)::float8 as received_at,
          properties, context, partition, "offset"::float8 as "offset",
          octet_length(properties::text) + octet_length(context::text) as bytes
        from ${source(sql, players)} e
        where studio = ${studio} and not internal
          and e.received_at >= ${at(stretch.from)} and e.received_at < ${at(stretch.to)}
          ${filter.gameId === undefined ? sql`` : sql`and game_id = ${filter.gameId}`}
          ${filter.from === undefined ? sql`` : sql`and e."timestamp" >= ${at(filter.from)}`}
          ${filter.to === undefined ? sql`` : sql`and e."timestamp" < ${at(filter.to)}`}
          ${
        types === undefined
          ? sql``
          : sql`and event_type = any (array(select json_array_elements_text(${types}::text::json)))`
      }
          ${
        cursor === undefined ? sql`` : sql`and e.received_at <= ${at(cursor.receivedAt)}
            and (e.received_at, e.partition, e."offset")
              < (${at(cursor.receivedAt)}, ${cursor.partition}::smallint, ${cursor.offset}::bigint)`
      }
        order by e.received_at desc, e.partition desc, e."offset" desc limit ${most.rows}
          ) page
        ) page
        -- The first goes out, however large it is: who asks for pages must get on.
        where running - bytes < ${Math.max(1, most.bytes)}
        order by received_at desc, partition desc, "offset" desc`;
    });
  }

  /** Where the rows of a user id lie, and those of the ids that are this player, too. */
  async #players(
    deadline: number,
    studio: string,
    userId: string,
    isExact: boolean,
  ): Promise<Place[]> {
    const partitions = await this.#countPartitions(deadline);
    const aliases = isExact ? [] : await this.#run(deadline, (sql) =>
      sql<{ alias_id: string }[]>`
        select alias_id from player_alias where studio = ${studio} and user_id = ${userId}`);
    return [userId, ...aliases.map(({ alias_id }) => alias_id)].map((user) => {
      const id = playerId({ studio, user_id: user });
      return { p: partitionOf(id, partitions), k: String(fingerprintBigint(id)), u: user };
    });
  }

  async #countPartitions(deadline: number): Promise<number> {
    if (this.#partitions === undefined) {
      const [row] = await this.#run(deadline, (sql) =>
        sql<{ partitions: number }[]>`
          select partitions from deployment where topic = 'player.events.raw'`);
      if (row === undefined) throw new Unavailable("store", "The store is not prepared yet");
      this.#partitions = row.partitions;
    }
    return this.#partitions;
  }

  async #run<T>(deadline: number, statement: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    try {
      return await this.#pool.run(deadline - performance.now(), statement);
    } catch (error) {
      if (error instanceof postgres.PostgresError) throw serverFault(error);
      if (!(error instanceof OutcomeUnknown)) throw error;
      throw new Unavailable("store", error.message, { cause: error.cause });
    }
  }
}

/** False for a filter that names what no event can have: the server would refuse the text. */
function fitsSomething({ userId = "", gameId = "" }: EventFilter): boolean {
  return isStorableText(userId) && isStorableText(gameId);
}

/** Where one user id's rows lie in the journal: partition, player key, user id. */
interface Place {
  readonly p: number;
  readonly k: string;
  readonly u: string;
}

/**
 * Where the rows come from: the journal, or one player's rows in it, an index scan for each of his ids.
 * `offset 0` has those looked up by player first: read by time, a player who is seldom seen would cost
 * the whole journal.
 */
function source(sql: postgres.Sql, players: readonly Place[] | undefined) {
  if (players === undefined) return sql`player_events`;
  return sql`(
    select own.* from json_to_recordset(${JSON.stringify(players)}::text::json)
        as w(p smallint, k bigint, u text)
      cross join lateral (
        select * from player_events
        where partition = w.p and player_key = w.k and user_id = w.u
        offset 0
      ) own
    offset 0)`;
}

/**
 * The stretches to try, newest first. Validation binds event time to arrival, so bounds of the one
 * bound the other.
 */
function stretchesOf(
  filter: EventFilter,
  cursor: EventPosition | undefined,
  now: number,
): Stretch[] {
  const oldest = filter.from === undefined
    ? -Infinity
    : filter.from - limits.eventFutureMsMax - arrivalSlackMs;
  const newest = filter.to === undefined
    ? Infinity
    : filter.to + limits.eventPastMsMax + arrivalSlackMs;
  let to = Math.min(newest, cursor === undefined ? Infinity : cursor.receivedAt + 1);
  const anchor = Math.min(now, to);
  const stretches: Stretch[] = [];
  for (const reach of [...reachesMs, Infinity]) {
    const from = Math.max(oldest, anchor - reach);
    if (from < to) stretches.push({ from, to });
    to = from;
  }
  return stretches;
}

function positionOf(row: Row): EventPosition {
  return { receivedAt: row.received_at, partition: row.partition, offset: row.offset };
}

function recorded(row: Row): RecordedEvent {
  return {
    id: row.id,
    type: row.type,
    userId: row.user_id,
    gameId: row.game_id,
    sessionId: row.session_id,
    timestamp: row.timestamp,
    receivedAt: row.received_at,
    properties: row.properties,
    context: row.context,
    position: `${row.partition}:${row.offset}`,
  };
}
