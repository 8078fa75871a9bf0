/**
 * API keys in the store.
 *
 * @module
 */
import postgres from "postgres";
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { KeyKind } from "../../schema/principal.ts";
import { serverFault } from "../store/faults.ts";
import { deadlines } from "../store/sql/deadlines.ts";
import { SqlPool } from "../store/sql_pool.ts";

/** A good key as nodes hold it. No secret can be read off it. */
export interface HeldKey {
  readonly id: string;
  readonly studio: string;
  /** `null`: every game of the studio. */
  readonly games: readonly string[] | null;
  readonly kind: KeyKind;
  readonly createGames: boolean;
  /** `null`: pages of any origin may use it. */
  readonly origins: readonly string[] | null;
  readonly hash: string | null;
  readonly sealed: string | null;
  readonly previousHash: string | null;
  readonly previousSealed: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly previousUntil: number | null;
}

export interface HeldKeys {
  /** Of the change that made them so. */
  readonly version: number;
  readonly keys: readonly HeldKey[];
}

/** A key as operators see it. */
export interface KeyRow {
  readonly id: string;
  readonly studio: string;
  readonly games: readonly string[] | null;
  readonly kind: KeyKind;
  readonly name: string;
  readonly create_games: boolean;
  readonly origins: readonly string[] | null;
  /** RFC 3339. */
  readonly created_at: string;
  readonly rotated_at: string | null;
  /** Until when the secret before the last rotation is good; `null`: there is none. */
  readonly previous_until: string | null;
  readonly revoked_at: string | null;
}

/** A key to be kept. */
export interface NewKey {
  readonly id: string;
  readonly studio: string;
  readonly games: readonly string[] | null;
  readonly kind: KeyKind;
  readonly name: string;
  readonly createGames: boolean;
  /** `null`: pages of any origin may use it. */
  readonly origins: readonly string[] | null;
  readonly hash: string | null;
  readonly sealed: string | null;
  /** The admin call. */
  readonly call: string;
}

export interface KeyPage {
  readonly items: readonly KeyRow[];
  readonly next_cursor: string | null;
}

export class KeyStore {
  readonly #pool: SqlPool;

  /** @param url `postgres://` URL of a prepared database */
  constructor(url: string) {
    const settings = {
      application_name: "gamemetrics-keys",
      ...deadlines(limits.keysCallMsMax),
    };
    // One for the nodes' look several times a second, one for operators.
    this.#pool = new SqlPool({ url, connections: 2, settings });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #run<T>(statement: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    try {
      return await this.#pool.run(limits.keysCallMsMax, statement);
    } catch (error) {
      if (error instanceof postgres.PostgresError) throw serverFault(error);
      // A key that may have been made is listed and can be revoked; the rest may be repeated.
      if (!(error instanceof OutcomeUnknown)) throw error;
      throw new Unavailable("store", error.message, { cause: error });
    }
  }

  /** All good keys; `undefined` while they are those of version `known`. @throws {Unavailable} */
  async since(known: number): Promise<HeldKeys | undefined> {
    const [row] = await this.#run((sql) =>
      sql<{ version: number; keys: string }[]>`
        select version::float8 as version, keys from api_keys_since(${known})`
    );
    return row && { version: row.version, keys: JSON.parse(row.keys) };
  }

  /** @returns undefined when there are {@link limits.apiKeysMax} already. @throws {Unavailable} */
  async create(key: NewKey): Promise<KeyRow | undefined> {
    const text = JSON.stringify(key);
    const [row] = await this.#run((sql) =>
      sql<{ row: string }[]>`
      with made as (
        insert into api_key (
          id, studio, games, kind, name, create_games, origins, hash, sealed, created_at,
          created_by)
        select id, studio, games, kind, name, "createGames", origins, hash, sealed, now(), call
        from json_to_record(${text}::text::json) as x(
          id text, studio text, games text[], kind text, name text, "createGames" boolean,
          origins text[], hash text, sealed text, call uuid)
        where (select count(*) from api_key where revoked_at is null) < ${limits.apiKeysMax}
        returning *)
      select ${shown(sql)} as row from made k`
    );
    return row && JSON.parse(row.row);
  }

  /**
   * Gives a key another secret; the one it has now is good for `overlapMs`, the one before no more.
   *
   * @returns undefined when there is no such key, or it is revoked. @throws {Unavailable}
   */
  async rotate(
    id: string,
    made: { readonly hash: string | null; readonly sealed: string | null },
    overlapMs: number,
  ): Promise<KeyRow | undefined> {
    const [row] = await this.#run((sql) =>
      sql<{ row: string }[]>`
      with made as (
        update api_key set
          previous_hash = case when ${overlapMs} > 0 then hash end,
          previous_sealed = case when ${overlapMs} > 0 then sealed end,
          previous_until = case when ${overlapMs} > 0
            then now() + ${overlapMs}::float8 * interval '1 millisecond' end,
          hash = ${made.hash}, sealed = ${made.sealed}, rotated_at = now()
        where id = ${id} and revoked_at is null
        returning *)
      select ${shown(sql)} as row from made k`
    );
    return row && JSON.parse(row.row);
  }

  /** @param origins `null`: any. @returns undefined when there is no such key, or it is revoked. @throws {Unavailable} */
  async setOrigins(id: string, origins: readonly string[] | null): Promise<KeyRow | undefined> {
    const text = JSON.stringify({ origins });
    const [row] = await this.#run((sql) =>
      sql<{ row: string }[]>`
      with made as (
        update api_key set origins = x.origins
        from json_to_record(${text}::text::json) as x(origins text[])
        where id = ${id} and revoked_at is null
        returning api_key.*)
      select ${shown(sql)} as row from made k`
    );
    return row && JSON.parse(row.row);
  }

  /** Once and for all. @returns undefined when there is no such key. @throws {Unavailable} */
  async revoke(id: string): Promise<KeyRow | undefined> {
    const [row] = await this.#run((sql) =>
      sql<{ row: string }[]>`
      with made as (
        update api_key set revoked_at = coalesce(revoked_at, now()), previous_hash = null,
          previous_sealed = null, previous_until = null
        where id = ${id}
        returning *)
      select ${shown(sql)} as row from made k`
    );
    return row && JSON.parse(row.row);
  }

  /** @returns undefined when there is none. @throws {Unavailable} */
  async get(id: string): Promise<KeyRow | undefined> {
    const [row] = await this.#run((sql) =>
      sql<{ row: string }[]>`select ${shown(sql)} as row from api_key k where id = ${id}`
    );
    return row && JSON.parse(row.row);
  }

  /** By id, those after `cursor`; revoked ones, too. @throws {Unavailable} */
  async list(studio: string | undefined, cursor: string, limit: number): Promise<KeyPage> {
    const rows = await this.#run((sql) =>
      sql<{ row: string }[]>`
      select ${shown(sql)} as row from api_key k
      where id > ${cursor} and (${studio ?? null}::text is null or studio = ${studio ?? null})
      order by id limit ${limit + 1}`
    );
    const items = rows.slice(0, limit).map(({ row }) => JSON.parse(row) as KeyRow);
    return { items, next_cursor: rows.length > limit ? items.at(-1)!.id : null };
  }
}

/** What operators see of row `k`, as JSON. */
const shown = (sql: postgres.Sql) => {
  const time = (column: string) =>
    sql.unsafe(`to_char(k.${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`);
  return sql`json_build_object('id', k.id, 'studio', k.studio, 'games', k.games, 'kind', k.kind,
    'name', k.name, 'create_games', k.create_games, 'origins', k.origins, 'created_at', ${
    time("created_at")
  },
    'rotated_at', ${time("rotated_at")}, 'previous_until', ${time("previous_until")},
    'revoked_at', ${time("revoked_at")})::text`;
};
