/**
 * The admin API's calls on dead letters.
 *
 * @module
 */
import type { Hono } from "hono";
import { limits } from "../../../schema/limits.ts";
import { callOf } from "../audited.ts";
import {
  bodyAtMost,
  flagQuery,
  integerQuery,
  readFields,
  readJson,
  wrong,
} from "../admin_input.ts";
import type { AdminPlatform, LetterFilter } from "../admin_platform.ts";
import { problem } from "../admin_problem.ts";
import type { FieldMask } from "../mask_fields.ts";

/** An edited event as JSON, with room for its white space. */
const bodyBytesMax = 2 * limits.eventBytesMax;

/** Letters that one bulk replay sends at most, and unless it says otherwise. */
const replayMax = 10_000;
const replayDefault = 1000;

const filterFields = ["code", "source", "studio", "actor_id"] as const;

/** The filter, limit, cursor of a bulk replay. @throws {InvalidInput} */
function readReplay(body: Record<string, unknown>) {
  const filter: { -readonly [K in keyof LetterFilter]: string } = {};
  for (const field of filterFields) {
    const value = body[field];
    if (value === undefined) continue;
    if (typeof value !== "string" || value === "" || value.length > 512) {
      throw wrong(field, value, "a text of 1 to 512 characters");
    }
    filter[field] = value;
  }
  const { limit = replayDefault, cursor, again = false } = body;
  if (!Number.isSafeInteger(limit) || (limit as number) < 1 || (limit as number) > replayMax) {
    throw wrong("limit", limit, `a whole number of 1 to ${replayMax}`);
  }
  if (cursor !== undefined && typeof cursor !== "string") {
    throw wrong("cursor", cursor, "the next_cursor of the call before");
  }
  if (typeof again !== "boolean") throw wrong("again", again, "true or false");
  return { filter, options: { limit: limit as number, cursor, again } };
}

export function addDeadLetterRoutes(app: Hono, platform: AdminPlatform, mask: FieldMask): void {
  const unknownLetter = (id: string) =>
    problem(404, "unknown_letter", `dlq.events holds no letter '${id}' (any more)`);
  const limitBody = bodyAtMost(bodyBytesMax);
  app.get("/admin/dlq", async (c) => {
    const limit = integerQuery(c, "limit", 50);
    return c.json(await platform.dlqList(c.req.query("cursor"), limit));
  });
  // Before the letters by id, which would take `replay` for one.
  app.post("/admin/dlq/replay", limitBody, async (c) => {
    const body = await readFields(c, [...filterFields, "limit", "cursor", "again"]);
    const { filter, options } = readReplay(body);
    return c.json(await platform.dlqReplayMany(filter, options, callOf(c)), 202);
  });
  app.get("/admin/dlq/:id", async (c) => {
    const isRevealed = flagQuery(c, "reveal");
    const letter = await platform.dlqGet(c.req.param("id"));
    if (letter === null) return unknownLetter(c.req.param("id"));
    return c.json((isRevealed ? letter : mask.letter(letter)) as object);
  });
  app.post("/admin/dlq/:id/replay", limitBody, async (c) => {
    const edited = await readJson(c);
    const replay = await platform.dlqReplay(c.req.param("id"), callOf(c), edited);
    return replay === null ? unknownLetter(c.req.param("id")) : c.json(replay, 202);
  });
  app.post("/admin/dlq/:id/discard", async (c) => {
    const letter = await platform.dlqDiscard(c.req.param("id"), callOf(c));
    if (letter === null) return unknownLetter(c.req.param("id"));
    return c.json({ id: letter.id, discarded: letter.discarded });
  });
}
