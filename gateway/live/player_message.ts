/**
 * A player as `/ws` sends it.
 *
 * @module
 */
import type { PlayerProfile, SessionView } from "../../schema/queries/player_queries.ts";

const iso = (ms: number) => new Date(ms).toISOString();

function sessionMessage(session: SessionView) {
  return {
    id: session.id,
    game_id: session.gameId,
    started_at: iso(session.startedAt),
    last_event_at: iso(session.lastEventAt),
    events: session.events,
  };
}

/** `{"type":"player",…}` in the wire's `snake_case`, moments as RFC 3339. */
export function playerMessage(profile: PlayerProfile): Readonly<Record<string, unknown>> {
  return {
    type: "player",
    user_id: profile.id,
    aliases: profile.aliases ?? [],
    first_seen: iso(profile.firstSeen),
    last_seen: iso(profile.lastSeen),
    events_total: profile.eventsTotal,
    sessions_total: profile.sessionsTotal,
    play_seconds: profile.playSeconds,
    revenue_minor: profile.revenueMinor,
    level: profile.level,
    engagement_score: profile.engagementScore,
    event_counts: profile.eventCounts,
    current_session: profile.currentSession && sessionMessage(profile.currentSession),
    version: profile.version,
    /** What `resume_from` takes. */
    position: profile.version,
    state_hash: profile.stateHash,
  };
}
