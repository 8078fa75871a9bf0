/** The player stage as a counter, for the platform to run in place of its own. */
import { playerStage } from "../../../../supervisor/shard/stages.ts";
import type { Stage } from "../../../../supervisor/shard/stage.ts";
import { counter } from "../counter.ts";

export const stage: Stage = playerStage(counter);
