/**
 * Shadows over the admin API: start one beside a stage, look at what it found, end it.
 *
 * @module
 */
import type { Context, Hono } from "hono";
import { z } from "zod";
import type { ShadowReport } from "../shard/shadow/shadow.ts";
import type { StageName } from "../store/store.ts";
import type { ShadowStart } from "../worker/shadows.ts";
import { bodyAtMost, flagQuery, stages } from "./admin_input.ts";
import { problem } from "./admin_problem.ts";
import { FieldMask } from "./mask_fields.ts";

export interface ShadowControl {
  /** @throws {InvalidInput} the module is none that can be a shadow */
  start(start: ShadowStart): Promise<ShadowReport | null>;
  /** `null` without a shadow. */
  report(stage: StageName): Promise<ShadowReport | null>;
  stop(stage: StageName): Promise<ShadowReport | null>;
}

const bodyBytesMax = 4096;

const startBody = z.strictObject({
  module: z.url({ protocol: /^file$/ }),
  share: z.number().gt(0).max(1).optional(),
  actors_max: z.int().min(1).max(1_000_000).optional(),
  compare_state: z.boolean().optional(),
});

/** @param mask hides personal data in what differs, unless a call asks to see it. @default none */
export function addShadowRoutes(
  app: Hono,
  shadows: ShadowControl,
  mask: FieldMask = new FieldMask([]),
): void {
  const shown = (c: Context, report: ShadowReport): ShadowReport =>
    flagQuery(c, "reveal") ? report : {
      ...report,
      differences: report.differences.map((difference) => ({
        ...difference,
        expected: mask.text(difference.expected),
        got: mask.text(difference.got),
      })),
    };
  const path = "/admin/stages/:stage/shadow";
  const stageOf = (name: string) => stages.find((stage) => stage === name);
  const unknownStage = (name: string) =>
    problem(404, "not_found", `Stages are ${stages.join(", ")}: got '${name}'`);
  const none = (stage: StageName) => problem(404, "not_found", `Stage ${stage} has no shadow`);
  app.post(path, bodyAtMost(bodyBytesMax), async (c) => {
    const stage = stageOf(c.req.param("stage"));
    if (stage === undefined) return unknownStage(c.req.param("stage"));
    const body = startBody.safeParse(await c.req.json().catch(() => undefined));
    if (!body.success) {
      const [issue] = body.error.issues;
      const field = issue!.path.join(".") || "the body";
      return problem(
        400,
        "invalid_field",
        `${field}: ${issue!.message}; expected a file: URL as module`,
      );
    }
    const { module, share, actors_max, compare_state } = body.data;
    const report = await shadows.start({
      stage,
      module,
      ...(share === undefined ? {} : { share }),
      ...(actors_max === undefined ? {} : { actorsMax: actors_max }),
      ...(compare_state === undefined ? {} : { compareState: compare_state }),
    });
    return report === null
      ? problem(503, "unavailable", "No worker runs right now")
      : c.json(shown(c, report), 201);
  });
  app.get(path, async (c) => {
    const stage = stageOf(c.req.param("stage"));
    if (stage === undefined) return unknownStage(c.req.param("stage"));
    const report = await shadows.report(stage);
    return report === null ? none(stage) : c.json(shown(c, report));
  });
  app.delete(path, async (c) => {
    const stage = stageOf(c.req.param("stage"));
    if (stage === undefined) return unknownStage(c.req.param("stage"));
    const report = await shadows.stop(stage);
    return report === null ? none(stage) : c.json(shown(c, report));
  });
}
