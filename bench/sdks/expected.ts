/**
 * What the actors must hold once each SDK has sent everything: by player, the events by type and the
 * revenue in minor units.
 *
 * @module
 */

/** One player's figures. `revenue` is by currency. */
export interface Figures {
  readonly counts: Readonly<Record<string, number>>;
  readonly revenue: Readonly<Record<string, number>>;
}

/** By SDK, the figures of each player it sends for; `ann` stands for the user it was told. */
export const expected: Readonly<Record<string, Readonly<Record<string, Figures>>>> = {
  segment: {
    ann: {
      counts: { "identify": 1, "purchase": 1, "level.complete": 1, "alias": 1, "page": 1 },
      revenue: { USD: 499 },
    },
  },
  rudderstack: {
    ann: {
      counts: { "identify": 1, "purchase": 1, "level.fail": 1, "song_played": 1, "alias": 1 },
      revenue: { JPY: 1200 },
    },
  },
  posthog: {
    ann: {
      counts: { identify: 1, alias: 1, purchase: 1, quest_accepted: 1, error: 1 },
      revenue: { EUR: 250 },
    },
  },
  snowplow: {
    ann: {
      counts: { "level.complete": 1, "purchase": 2, "page": 1, "ad.click": 1 },
      revenue: { USD: 499 + 150 },
    },
  },
  cloudevents: {
    ann: {
      counts: { "level.complete": 1, "purchase": 1, "com.acme.guild_joined": 1 },
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

/** The name of `user`'s player in {@link expected}. */
export const playerOf = (user: string, name: string): string => name.replace("ann", user);
