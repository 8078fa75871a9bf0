/**
 * What must be there once each SDK has sent everything: by user id, the events by type and the revenue
 * in minor units; and by player, once those who turned out to be one are one.
 *
 * @module
 */

/** One player's figures. `revenue` is by currency. */
export interface Figures {
  readonly counts: Readonly<Record<string, number>>;
  readonly revenue: Readonly<Record<string, number>>;
}

/** What is sent for one user id, and which other one it turns out to be. */
export interface Sent extends Figures {
  readonly isAlso?: string;
}

/** By SDK, the figures of each user id it sends for; `ann` stands for the user it was told. */
export const expected: Readonly<Record<string, Readonly<Record<string, Sent>>>> = {
  segment: {
    "ann-anonymous": { counts: { purchase: 1, page: 1 }, revenue: { USD: 100 }, isAlso: "ann" },
    "ann": {
      counts: { "identify": 1, "purchase": 1, "level.complete": 1, "alias": 1, "page": 1 },
      revenue: { USD: 499 },
    },
  },
  rudderstack: {
    "ann-anonymous": { counts: { song_played: 1 }, revenue: {}, isAlso: "ann" },
    "ann": {
      counts: { "identify": 1, "purchase": 1, "level.fail": 1, "song_played": 1, "alias": 1 },
      revenue: { JPY: 1200 },
    },
  },
  posthog: {
    "ann-anonymous": { counts: { purchase: 1 }, revenue: { EUR: 100 }, isAlso: "ann" },
    "ann-device": { counts: { quest_accepted: 1 }, revenue: {}, isAlso: "ann" },
    "ann": {
      counts: { identify: 1, alias: 1, purchase: 1, quest_accepted: 1, error: 1 },
      revenue: { EUR: 250 },
    },
  },
  snowplow: {
    "ann-anonymous": { counts: { page: 1 }, revenue: {}, isAlso: "ann" },
    "ann": {
      counts: { "identify": 1, "level.complete": 1, "purchase": 2, "page": 1, "ad.click": 1 },
      revenue: { USD: 499 + 150 },
    },
  },
  cloudevents: {
    "ann-anonymous": { counts: { purchase: 1 }, revenue: { USD: 100 }, isAlso: "ann" },
    "ann": {
      counts: { "identify": 1, "level.complete": 1, "purchase": 1, "com.acme.guild_joined": 1 },
      revenue: { USD: 499 },
    },
  },
  countly: {
    "ann": {
      counts: {
        "session.start": 1,
        "purchase": 1,
        "chest_opened": 1,
        "page": 1,
        "error": 1,
        "identify": 1,
      },
      revenue: { USD: 499 },
      isAlso: "ann-known",
    },
    // The view is told again with how long it lasted.
    "ann-known": { counts: { alias: 1, quest: 1, "session.end": 1, page: 1 }, revenue: {} },
  },
  gameanalytics: {
    ann: {
      counts: {
        "session.start": 1,
        "session.end": 1,
        "purchase": 1,
        "resource.source": 1,
        "resource.sink": 1,
        "level.start": 1,
        "level.complete": 1,
        "kill:robot": 1,
        "error": 1,
        "ad.impression": 1,
      },
      revenue: { USD: 499 },
    },
  },
};

/** The user id that a name in {@link expected} stands for. */
export const playerOf = (user: string, name: string): string => name.replace("ann", user);

function sum(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, n] of all.flatMap(Object.entries)) total[name] = (total[name] ?? 0) + n;
  return total;
}

/** The figures of `name` and of all who turned out to be him; asked for an alias, those of him. */
export function mergedFigures(players: Readonly<Record<string, Sent>>, name: string): Figures {
  const who = players[name]?.isAlso ?? name;
  const parts = Object.entries(players).filter(([id, { isAlso }]) => (isAlso ?? id) === who)
    .map(([, sent]) => sent);
  return {
    counts: sum(parts.map(({ counts }) => counts)),
    revenue: sum(parts.map(({ revenue }) => revenue)),
  };
}
