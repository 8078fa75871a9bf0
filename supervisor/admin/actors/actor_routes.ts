/**
 * The admin API's calls on what runs: tree, shards, actors.
 *
 * @module
 */
import type { Hono } from "hono";
import type { Json } from "../../../schema/event.ts";
import { parsePoint } from "../../replay/point.ts";
import type { StageName } from "../../store/store.ts";
import {
  actorKinds,
  bodyAtMost,
  flagQuery,
  integerQuery,
  kindOf,
  oneOf,
  readFields,
  stages,
  wrong,
} from "../admin_input.ts";
import { actorActions, actorSorts, type AdminPlatform, shardActions } from "../admin_platform.ts";
import { problem } from "../admin_problem.ts";
import { callOf } from "../audited.ts";
import type { FieldMask } from "../mask_fields.ts";
import { restartHalted, type RestartHaltedOptions } from "./restart_halted.ts";

const unknownActor = (kind: string, id: string) =>
  problem(404, "unknown_actor", `No event has ever reached ${kind} '${id}'`);

/** Actors that one call restarts at most, and unless it says otherwise. */
const restartMax = 1000;
const restartDefault = 100;

/** @throws {InvalidInput} */
function readRestart(body: Record<string, unknown>): RestartHaltedOptions {
  const { kind, limit = restartDefault, dry_run: dryRun = false } = body;
  if (!Number.isSafeInteger(limit) || (limit as number) < 1 || (limit as number) > restartMax) {
    throw wrong("limit", limit, `a whole number of 1 to ${restartMax}`);
  }
  if (typeof dryRun !== "boolean") throw wrong("dry_run", dryRun, "true or false");
  const ofKind = kind === undefined ? undefined : oneOf("kind", kind, actorKinds);
  return { kind: ofKind, limit: limit as number, dryRun };
}

/** @param now milliseconds; only differences count */
export function addHaltedRoutes(app: Hono, platform: AdminPlatform, now: () => number): void {
  app.get("/admin/halted", async (c) => c.json({ items: await platform.halted() }));
  app.post("/admin/halted/restart", bodyAtMost(1024), async (c) => {
    const options = readRestart(await readFields(c, ["kind", "limit", "dry_run"]));
    return c.json(await restartHalted(platform, options, now));
  });
}

export function addActorRoutes(app: Hono, platform: AdminPlatform, mask: FieldMask): void {
  app.get("/admin/tree", (c) => c.json(platform.tree()));
  app.get("/admin/actors", async (c) => {
    const kind = oneOf("kind", c.req.query("kind") ?? "player", actorKinds);
    const sort = oneOf("sort", c.req.query("sort") ?? "cpu", actorSorts);
    return c.json({ items: await platform.actors(kind, sort, integerQuery(c, "limit", 20)) });
  });
  app.get("/admin/actors/:kind/:id", async (c) => {
    const kind = kindOf(c);
    if (kind instanceof Response) return kind;
    const id = c.req.param("id");
    const asOf = c.req.query("as_of");
    const point = asOf === undefined ? undefined : parsePoint("as_of", asOf);
    const isRevealed = flagQuery(c, "reveal");
    const actor = await platform.actor(kind, id, point);
    if (actor === null) return unknownActor(kind, id);
    const shown = isRevealed ? actor : {
      ...actor,
      state: mask.value(actor.state),
      recent_effects: mask.value(actor.recent_effects as unknown as Json),
    };
    return c.json(shown as object);
  });
  for (const action of actorActions) {
    app.post(`/admin/actors/:kind/:id/${action}`, async (c) => {
      const kind = kindOf(c);
      if (kind instanceof Response) return kind;
      const id = c.req.param("id");
      const done = await platform.actActor(kind, id, action);
      return c.json({ kind, id, action, done });
    });
  }
  app.post("/admin/actors/player/:id/unmerge", async (c) => {
    const id = c.req.param("id");
    const asked = await platform.unmerge(id, callOf(c));
    return asked === null ? unknownActor("player", id) : c.json(asked, 202);
  });
}

export function addShardRoutes(app: Hono, platform: AdminPlatform): void {
  app.get("/admin/shards", async (c) => c.json(await platform.shards()));
  for (const action of shardActions) {
    app.post(`/admin/shards/:stage/:partition/${action}`, async (c) => {
      const { stage, partition } = c.req.param();
      const number = /^\d{1,4}$/.test(partition) ? Number(partition) : -1;
      const isStage = stages.includes(stage as StageName);
      const row = isStage ? await platform.actShard(stage as StageName, number, action) : null;
      if (row !== null) return c.json(row);
      return problem(404, "unknown_shard", `There is no shard '${stage}/${partition}'`);
    });
  }
}
