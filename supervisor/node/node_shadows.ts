/**
 * Shadows over all workers of a node. A worker that is started again comes up without one.
 *
 * @module
 */
import type { ShadowControl } from "../admin/shadow_routes.ts";
import type { ShadowReport } from "../shard/shadow/shadow.ts";
import type { WorkerPool } from "../worker/worker_pool.ts";
import { mergeReports } from "../worker/shadows.ts";

export function nodeShadows(workers: Pick<WorkerPool, "callAll">): ShadowControl {
  const ask = async (name: string, input: unknown) =>
    mergeReports(await workers.callAll<ShadowReport | null>(name, input));
  return {
    start: (start) => ask("startShadow", start),
    report: (stage) => ask("shadowReport", stage),
    stop: (stage) => ask("stopShadow", stage),
  };
}
