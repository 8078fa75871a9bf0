/**
 * Shadows over all workers. A worker that is started again comes up without one.
 *
 * @module
 */
import type { ShadowControl } from "../admin/shadow_routes.ts";
import type { ShadowReport } from "../shard/shadow/shadow.ts";
import type { ShardRouter } from "../cluster/shard_router.ts";
import { mergeReports } from "../worker/shadows.ts";

export function nodeShadows(shards: Pick<ShardRouter, "callAll">): ShadowControl {
  const ask = async (name: string, input: unknown) =>
    mergeReports(await shards.callAll<ShadowReport | null>(name, input));
  return {
    start: (start) => ask("startShadow", start),
    report: (stage) => ask("shadowReport", stage),
    stop: (stage) => ask("stopShadow", stage),
  };
}
