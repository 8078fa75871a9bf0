/**
 * What a player actor can be asked, and the answers. Pure data: they cross workers and nodes.
 *
 * @module
 */

/** Money in integer minor units (cents), by ISO 4217 code. */
export type RevenueMinor = Readonly<Record<string, number>>;

export type PlayerQuery =
  /** The player's figures, of one game when `gameId` is given. */
  { readonly type: "profile"; readonly gameId?: string };

export interface PlayerAnswers {
  profile: PlayerProfile;
}

export interface SessionView {
  readonly id: string;
  readonly gameId: string;
  /** Event times, milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly lastEventAt: number;
  readonly events: number;
}

export interface PlayerProfile {
  /** The user id, without its studio. */
  readonly id: string;
  /** Earliest and latest event time, milliseconds since the Unix epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly eventsTotal: number;
  readonly sessionsTotal: number;
  /** Sum over sessions of last minus first event time, in seconds. */
  readonly playSeconds: number;
  readonly revenueMinor: RevenueMinor;
  /** Highest `properties.level` of a `level.*` event. */
  readonly level: number | null;
  /** 0 to 100; see `engagementScore` in `actors/player/engagement.ts`. */
  readonly engagementScore: number;
  readonly eventCounts: Readonly<Record<string, number>>;
  readonly currentSession: SessionView | null;
  /** `partition:offset` of the last message that changed the player. */
  readonly version: string;
  /** Hash of the whole state, 16 hex digits. */
  readonly stateHash: string;
  /**
   * He is an alias of this user id, who is asked in his place (and may be an alias, too); all figures
   * here are zero. Left out for a player of his own.
   */
  readonly mergedInto?: string;
  /** User ids that are this player, too, sorted; his figures are those of all of them. Left out for none. */
  readonly aliases?: readonly string[];
}
