/**
 * Who is who, as the store and GraphQL tell it, held against what was said and undone.
 *
 * @module
 */
import type postgres from "postgres";
import { limits } from "../../../schema/limits.ts";
import type { Target } from "../../load/client/transport.ts";
import { GraphqlReader } from "../../verify/graphql_figures.ts";
import type { Findings } from "../findings.ts";
import type { Admin } from "../platform/admin.ts";
import { groupsOf, type Link } from "./link_plan.ts";

const studio = "demo";

/** Who each alias is; whoever is not here is a player of his own. */
export type Aliases = ReadonlyMap<string, string>;

export async function readAliases(sql: postgres.Sql): Promise<Aliases> {
  const rows = await sql<{ alias_id: string; user_id: string }[]>`
    select alias_id, user_id from player_alias where studio = ${studio}`;
  return new Map(rows.map(({ alias_id, user_id }) => [alias_id, user_id]));
}

/** Requires that none of `wrong` is there. */
function requireNone(findings: Findings, what: string, wrong: readonly string[]): void {
  findings.require(wrong.length === 0, `${what}: ${wrong.length} are not, ${wrong[0]}`);
}

/** No alias of an alias, no group too large, and nobody linked whom nobody has linked. */
export function requireSound(findings: Findings, aliases: Aliases, said: readonly Link[]): void {
  const pairs = [...aliases];
  const text = ([alias, user]: [string, string]) => `${alias} → ${user}`;
  const chained = pairs.filter(([, user]) => aliases.has(user)).map(text);
  requireNone(findings, "each alias leads to a player", chained);
  const sizes = new Map<string, number>();
  for (const [, user] of pairs) sizes.set(user, (sizes.get(user) ?? 0) + 1);
  const large = [...sizes].filter(([, n]) => n > limits.aliasesPerPlayerMax);
  requireNone(findings, "each group small enough", large.map(([user, n]) => `${user}: ${n}`));
  findings.atLeast("largest_group", Math.max(0, ...sizes.values()));
  const groupOf = groupsOf(said);
  const strangers = pairs.filter(([alias, user]) => groupOf(alias) !== groupOf(user)).map(text);
  requireNone(findings, "each alias linked by somebody", strangers);
}

/** Each link that was said was made, or refused with a dead letter. */
export async function requireAnswered(
  findings: Findings,
  admin: Admin,
  aliases: Aliases,
  said: readonly Link[],
): Promise<void> {
  const refused = new Set<string>();
  let tooMany = 0;
  for (const { code, message } of await admin.deadLetters()) {
    if (!code.startsWith("merge_")) continue;
    if (code === "merge_too_many_aliases") tooMany++;
    refused.add(/^Cannot make '(.*?)' an alias/.exec(message)?.[1] ?? message);
  }
  const who = (id: string) => aliases.get(id) ?? id;
  const lost = said
    .filter(({ alias, user }) => who(alias) !== who(user) && !refused.has(alias))
    .map(({ alias, user }) => `${alias} → ${user}`);
  requireNone(findings, "each link made or refused", lost);
  findings.count("ids_refused", refused.size);
  findings.require(tooMany > 0, `somebody was refused more aliases than 16: ${tooMany}`);
}

/** Undone ids are players of their own, those that came with one are his, and nobody else has moved. */
export function requireUndone(
  findings: Findings,
  before: Aliases,
  undone: ReadonlySet<string>,
  after: Aliases,
): void {
  const still = [...undone].filter((id) => after.has(id))
    .map((id) => `${id} → ${after.get(id)}, before ${before.get(id)}`);
  requireNone(findings, "each undone id is no alias", still);
  const moved = [...before].filter(([alias, user]) => {
    const now = after.get(alias);
    const isHis = now !== undefined && undone.has(now) && before.get(now) === user;
    return !undone.has(alias) && now !== user && !isHis;
  }).map(([alias, user]) => `${alias}: ${user} → ${after.get(alias) ?? "nobody"}`);
  requireNone(findings, "each other alias as before", moved);
  const added = [...after].filter(([alias]) => !before.has(alias)).map(([alias]) => alias);
  requireNone(findings, "no alias is new after undos", added);
}

/** Clients are told the same, whichever id they ask for. */
export async function requireTold(
  findings: Findings,
  target: Target,
  aliases: Aliases,
  ids: readonly string[],
): Promise<void> {
  const graphql = new GraphqlReader(target, 4);
  const wrong: string[] = [];
  const queue = ids.values();
  const theirs = Map.groupBy(aliases, ([, user]) => user);
  const read = async () => {
    for (const id of queue) {
      const { player } = await graphql.query<{ player: { id: string; aliases: string[] } | null }>(
        "query($id:ID!){player(id:$id){id aliases}}",
        { id },
      );
      const user = aliases.get(id) ?? id;
      const expected = (theirs.get(user) ?? []).map(([alias]) => alias).sort().join(" ");
      const told = player && `${player.id}: ${[...player.aliases].sort().join(" ")}`;
      if (told !== `${user}: ${expected}`) wrong.push(`${id} is told ${told}, not ${user}`);
    }
  };
  await Promise.all(Array.from({ length: 4 }, read)).finally(() => graphql.close());
  requireNone(findings, "each id is told who it is", wrong);
}
