/**
 * The GraphQL schema that clients see. A string and not a file, so that `schema/` does no I/O.
 *
 * @module
 */
export const graphqlSdl = /* GraphQL */ `
"An RFC 3339 date-time with an offset: 2026-01-01T12:00:00.000Z"
scalar DateTime
"A UTC day: 2026-01-31"
scalar Date
"Any JSON value"
scalar JSON

type Query {
  "By any of his ids: who was merged into another is answered with that one. asOf is an arrival time: the player as everything that had arrived by then made it"
  player(id: ID!, gameId: ID, asOf: DateTime): Player
  game(id: ID!): Game
  "Newest first. Events of a userId are also those of his aliases; a player's own token sees those that came under its id"
  events(filter: EventFilter, first: Int = 50, after: String): EventConnection!
  "Best first"
  leaderboard(gameId: ID!, board: String!, first: Int = 50, after: String): LeaderboardConnection!
}

type Subscription {
  "The player after each commit that changed it, whichever of his ids is given; a burst comes as one"
  playerUpdated(id: ID!): Player!
  "The game after changes, at most once in everyMs (100 to 60000)"
  gameUpdated(id: ID!, everyMs: Int = 1000): Game!
  "Events as they are committed, by the userId that they came with. With since, an arrival time of the last ten minutes, what arrived from shortly before it on comes first, oldest first; an event that was seen before has the same id and position. Where events cannot be told, since long ago or to a reader that is too slow, the stream ends with the error GAP"
  eventStream(filter: EventFilter, since: DateTime): Event!
}

"from is inclusive, to exclusive, both on event time"
input EventFilter {
  userId: ID
  gameId: ID
  types: [String!]
  from: DateTime
  to: DateTime
}

type Event {
  id: ID!
  type: String!
  userId: ID!
  gameId: ID!
  sessionId: ID
  timestamp: DateTime!
  receivedAt: DateTime!
  properties: JSON!
  context: JSON!
  "partition:offset"
  position: String!
}

type Session {
  id: ID!
  gameId: ID!
  startedAt: DateTime!
  lastEventAt: DateTime!
  events: Int!
}

type TypeCount {
  type: String!
  count: Float!
}

type Player {
  id: ID!
  "User ids that are this player, too: linked by identify or alias. All figures are those of all of them"
  aliases: [ID!]!
  firstSeen: DateTime!
  lastSeen: DateTime!
  eventsTotal: Int!
  sessionsTotal: Int!
  playSeconds: Float!
  "In minor units (cents); currency defaults to USD"
  revenueMinor(currency: String): Float!
  level: Int
  "0 to 100"
  engagementScore: Float!
  eventCounts: [TypeCount!]!
  currentSession: Session
  "partition:offset of the last message that changed the player"
  version: String!
  stateHash: String!
}

"One UTC day of event time"
type DayMetrics {
  day: Date!
  events: Float!
  "Distinct players with an event on the 1, 7 and 30 days ending here"
  dau: Int!
  wau: Int!
  mau: Int!
  newPlayers: Int!
  sessions: Int!
  revenueMinor(currency: String): Float!
  payers: Int!
  "revenueMinor / dau, 0 on a day without players"
  arpdau(currency: String): Float!
}

type Game {
  id: ID!
  eventsTotal: Float!
  eventsPerSecond: Float!
  "Sessions open now"
  ccu: Int!
  dau: Int!
  wau: Int!
  mau: Int!
  newPlayersToday: Int!
  revenueMinor(currency: String): Float!
  arpdau(currency: String): Float!
  eventCounts: [TypeCount!]!
  "Both days inclusive, at most 400"
  days(from: Date!, to: Date!): [DayMetrics!]!
}

type PageInfo {
  hasNextPage: Boolean!
  endCursor: String
}

type EventConnection {
  edges: [EventEdge!]!
  pageInfo: PageInfo!
}

type EventEdge {
  cursor: String!
  node: Event!
}

type LeaderboardConnection {
  edges: [LeaderboardEdge!]!
  pageInfo: PageInfo!
}

type LeaderboardEdge {
  cursor: String!
  node: LeaderboardEntry!
}

type LeaderboardEntry {
  rank: Int!
  userId: ID!
  score: Float!
}
`;
