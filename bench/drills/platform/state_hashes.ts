/**
 * The state of every actor, as a hash: before and after what must not change it.
 *
 * @module
 */
import type postgres from "postgres";
import { GraphqlReader } from "../../verify/graphql_figures.ts";
import type { Findings } from "../findings.ts";
import { Admin } from "./admin.ts";
import type { Site } from "./site.ts";

const playersPerQuery = 25;
const connections = 8;

/** Hash of each actor's whole state, by id. */
export type Hashes = ReadonlyMap<string, string>;

/** Users or games of the journal. */
export async function actorIds(
  sql: postgres.Sql,
  column: "user_id" | "game_id",
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select distinct ${sql(column)} as id from player_events where not internal order by 1`;
  return rows.map(({ id }) => id);
}

/** Asks for every player, as clients do. */
export async function playerHashes(site: Site, users: readonly string[]): Promise<Hashes> {
  const graphql = new GraphqlReader(site.target, connections);
  const found = new Map<string, string>();
  const chunks: string[][] = [];
  for (let i = 0; i < users.length; i += playersPerQuery) {
    chunks.push(users.slice(i, i + playersPerQuery));
  }
  const queue = chunks.values();
  const read = async () => {
    for (const chunk of queue) {
      const data = await graphql.query<
        Record<string, { stateHash: string; version: string } | null>
      >(
        `query(${chunk.map((_, i) => `$p${i}:ID!`).join(",")}){${
          chunk.map((_, i) => `p${i}:player(id:$p${i}){stateHash version}`).join(" ")
        }}`,
        Object.fromEntries(chunk.map((id, i) => [`p${i}`, id])),
      );
      chunk.forEach((id, i) => {
        const player = data[`p${i}`];
        found.set(id, player ? `${player.version} ${player.stateHash}` : "none");
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, read));
  } finally {
    graphql.close();
  }
  return found;
}

/** Asks for every game; `none` stands for one that does not answer. */
export async function gameHashes(site: Site, games: readonly string[]): Promise<Hashes> {
  const admin = new Admin(site);
  const found = new Map<string, string>();
  for (const id of games) {
    const hash = await admin.actor("game", `demo/${id}`).then((actor) => actor.hash, () => "none");
    found.set(id, hash);
  }
  return found;
}

/** Requires that each actor has the hash that it had. */
export function requireSame(findings: Findings, kind: string, before: Hashes, after: Hashes): void {
  const other = [...before].filter(([id, hash]) => after.get(id) !== hash).map(([id]) => id);
  findings.count(`${kind}s`, before.size);
  findings.require(
    before.size > 0 && other.length === 0,
    `each ${kind} as before: ${other.length} of ${before.size} are not, ${other[0]}: ` +
      `${before.get(other[0]!)} → ${after.get(other[0]!)}`,
  );
}
