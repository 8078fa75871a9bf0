/**
 * The game stage with its scores told on, for leaderboards longer than the actor's own.
 *
 * @module
 */
import type { GameMessage } from "../../actors/game/game.ts";
import type { GameState } from "../../actors/game/game_state.ts";
import type { Stage } from "../shard/stage.ts";

/** Scores of one board; plain data, fit for `postMessage`. */
export interface BoardScores {
  /** `studio/game_id`. */
  readonly game: string;
  readonly board: string;
  readonly scores: readonly (readonly [userId: string, score: number])[];
}

/** The name of a board among those of all games. */
export function boardKey(game: string, board: string): string {
  return JSON.stringify([game, board]);
}

/**
 * Tells of the scores that the games of a stage take. They are facts before the game has committed
 * them, since their players have; and as a lower score changes nothing, telling one twice is no harm.
 * Only boards that the actor keeps are told of: that is what bounds their number.
 */
export function scoredStage(stage: Stage, tell: (scores: BoardScores) => void): Stage {
  const { behaviour } = stage;
  const receive: typeof behaviour.receive = (state: GameState, message: GameMessage, ctx) => {
    const effects = behaviour.receive(state, message, ctx);
    for (const [board, scores] of Object.entries(message.delta.scores)) {
      if (!state.boards.has(board)) continue;
      tell({ game: ctx.actorId, board, scores: Object.entries(scores) });
    }
    return effects;
  };
  return { ...stage, behaviour: { ...behaviour, receive } };
}
