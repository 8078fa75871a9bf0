/**
 * Questions about what belongs to others, made out of the table of rights: every field of `Query` and
 * `Subscription`, with every object of others for an argument.
 *
 * @module
 */
import { graphqlSdl } from "../../../schema/graphql_sdl.ts";
import { foreign, games, users } from "./tenants.ts";

export interface GraphqlProbe {
  readonly field: string;
  readonly query: string;
}

const player = `id eventsTotal eventCounts { type count } currentSession { id gameId }`;
const event = `id type userId gameId properties context`;
const game = `id eventsTotal eventCounts { type count }`;

/** Ids as they are, and such as would reach the other studio if they were put together carelessly. */
const userIds = [
  users.shared,
  users.mate,
  users.foreign,
  `${foreign}/${users.foreign}`,
  `../${foreign}/${users.foreign}`,
  `/${foreign}/${users.foreign}`,
  `${foreign}%2F${users.foreign}`,
];
const gameIds = [
  games.own,
  games.other,
  games.foreign,
  `${foreign}/${games.foreign}`,
  "../bolt/b1",
];
const text = JSON.stringify;

/** By field: what it is asked; the drill fails if the schema has a field that stands not here. */
const askers: Readonly<Record<string, () => string[]>> = {
  player: () => [
    ...userIds.map((id) => `player(id: ${text(id)}) { ${player} }`),
    ...gameIds.map((id) => `player(id: "ann", gameId: ${text(id)}) { ${player} }`),
    `player(id: "bob", asOf: "2100-01-01T00:00:00Z") { ${player} }`,
  ],
  game: () => gameIds.map((id) => `game(id: ${text(id)}) { ${game} }`),
  events: () => {
    const page = `{ edges { cursor node { ${event} } } }`;
    return [
      `events(first: 100) ${page}`,
      ...userIds.map((id) => `events(first: 100, filter: { userId: ${text(id)} }) ${page}`),
      ...gameIds.map((id) => `events(first: 100, filter: { gameId: ${text(id)} }) ${page}`),
    ];
  },
  leaderboard: () =>
    gameIds.map((id) =>
      `leaderboard(gameId: ${text(id)}, board: "main") { edges { node { userId score } } }`
    ),
  playerUpdated: () => userIds.map((id) => `playerUpdated(id: ${text(id)}) { ${player} }`),
  gameUpdated: () => gameIds.map((id) => `gameUpdated(id: ${text(id)}, everyMs: 100) { ${game} }`),
  eventStream: () => [
    `eventStream { ${event} }`,
    ...gameIds.map((id) => `eventStream(filter: { gameId: ${text(id)} }) { ${event} }`),
    `eventStream(filter: { userId: "bea" }) { ${event} }`,
  ],
};

/** The fields of a root type, as the schema's text has them. */
function fieldsOf(type: "Query" | "Subscription"): string[] {
  const body = new RegExp(`type ${type} \\{([^}]*)\\}`).exec(graphqlSdl)![1]!;
  return [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name!);
}

/** @throws {Error} a field is not probed */
export function probesOf(type: "Query" | "Subscription"): GraphqlProbe[] {
  const operation = type === "Query" ? "query" : "subscription";
  return fieldsOf(type).flatMap((field) => {
    const asker = askers[field];
    if (asker === undefined) {
      throw new Error(`Nothing probes ${type}.${field}: name it in probes.ts`);
    }
    return asker().map((selection) => ({ field, query: `${operation} { ${selection} }` }));
  });
}
