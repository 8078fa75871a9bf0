/**
 * Time travel over the admin API: what changed of an actor between two points, and whether its
 * journal leads to what it is.
 *
 * @module
 */
import type { Context, Hono } from "hono";
import { InvalidInput } from "../../schema/errors.ts";
import type { Json, JsonObject } from "../../schema/event.ts";
import type { ActorKind } from "../platform.ts";
import { parsePoint, type Point } from "../replay/point.ts";
import type { ReplayReport } from "../replay/replay_actor.ts";
import type { StateDiff } from "../replay/time_travel.ts";
import { flagQuery, kindOf } from "./admin_input.ts";
import { problem } from "./admin_problem.ts";

export interface TimeTravel {
  /**
   * `null` when the platform has never seen the actor.
   *
   * @param to @default now
   */
  diff(kind: ActorKind, id: string, from: Point, to?: Point): Promise<StateDiff | null>;
  replay(kind: ActorKind, id: string, asOf?: Point): Promise<ReplayReport | null>;
}

/** @param mask hides fields of players that operators have no need to see */
export function addTimeTravelRoutes(
  app: Hono,
  travel: TimeTravel,
  mask: (value: Json) => Json = (value) => value,
): void {
  const masked = (value: object | null, c: Context): Response => {
    const isRevealed = flagQuery(c, "reveal");
    if (value !== null) {
      return c.json((isRevealed ? value : maskChanges(mask(value as Json), mask)) as object);
    }
    const { kind, id } = c.req.param();
    return problem(404, "unknown_actor", `No event has reached ${kind} '${id}' by then`);
  };
  app.get("/admin/actors/:kind/:id/diff", async (c) => {
    const kind = kindOf(c);
    if (kind instanceof Response) return kind;
    const from = pointOf(c, "from");
    if (from === undefined) {
      throw new InvalidInput("invalid_field", "from must say where the diff begins", "from");
    }
    return masked(await travel.diff(kind, c.req.param("id"), from, pointOf(c, "to")), c);
  });
  app.post("/admin/actors/:kind/:id/replay", async (c) => {
    const kind = kindOf(c);
    if (kind instanceof Response) return kind;
    return masked(await travel.replay(kind, c.req.param("id"), pointOf(c, "as_of")), c);
  });
}

/** A change names its properties in its path, where a mask of properties does not look. */
function maskChanges(value: Json, mask: (value: Json) => Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => maskChanges(item, mask));
  const { path } = value;
  if (typeof path === "string" && ("before" in value || "after" in value)) {
    for (const name of path.split("/")) {
      const hidden = (mask({ [name]: "" }) as JsonObject)[name]!;
      if (hidden === "") continue;
      const sides = ["before", "after"].filter((side) => side in value);
      return { path, ...Object.fromEntries(sides.map((side) => [side, hidden])) };
    }
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, maskChanges(field, mask)]),
  );
}

/** A point of the query; `undefined` when it is not there. */
function pointOf(c: Context, field: string): Point | undefined {
  const text = c.req.query(field);
  return text === undefined ? undefined : parsePoint(field, text);
}
