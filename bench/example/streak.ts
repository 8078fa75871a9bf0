import type { Behaviour } from "../../actors/kernel/behaviour.ts";
import { dayOf, internalType, type PlayerEvent } from "../../schema/event.ts";
import { DAY_MS } from "../../schema/limits.ts";

/** How many days running somebody has played. */
export interface StreakState {
  days: number;
  best: number;
  lastDay: number;
  /** `studio/game_id` that the streak counts for. */
  game: string;
  /** When the streak is over, if no further day comes; `null` while there is none. */
  endsAt: number | null;
}

export const streak: Behaviour<StreakState, PlayerEvent, "streak", { days: number; best: number }> =
  {
    kind: "player",
    version: 1,
    durability: "journal",
    create: () => ({ days: 0, best: 0, lastDay: -1, game: "", endsAt: null }),
    receive(state, event) {
      const ends = { type: "delta", game: state.game, metric: "streaks", by: -1 } as const;
      if (event.event_type === internalType.timer) {
        // Not the armed one: it was moved, or it fired twice.
        if (event.properties["due_at"] !== state.endsAt) return undefined;
        Object.assign(state, { days: 0, game: "", endsAt: null });
        return [ends, { type: "timer", name: "end", dueAt: null }];
      }
      const day = dayOf(event.timestamp);
      if (day <= state.lastDay) return undefined;
      const goesOn = state.endsAt !== null && day === state.lastDay + 1;
      const game = goesOn ? state.game : `${event.studio}/${event.game_id}`;
      const begins = { type: "delta", game, metric: "streaks", by: 1 } as const;
      const counts = goesOn ? [] : state.endsAt === null ? [begins] : [ends, begins];
      state.days = goesOn ? state.days + 1 : 1;
      state.best = Math.max(state.best, state.days);
      state.lastDay = day;
      state.game = game;
      state.endsAt = (day + 2) * DAY_MS;
      return [...counts, { type: "timer", name: "end", dueAt: state.endsAt }];
    },
    ask: ({ days, best }) => ({ days, best }),
    snapshot: (state) => [{ part: "", body: JSON.stringify(state) }],
    describe: (state) => [{ part: "", body: JSON.stringify(state) }],
    restore: (_actorId, parts) => JSON.parse(parts[0]!.body) as StreakState,
    bytes: ({ game }) => 150 + game.length,
  };
