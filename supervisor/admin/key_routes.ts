/**
 * API keys over the admin API.
 *
 * | call | answer |
 * |---|---|
 * | `GET /admin/keys?studio=&cursor=&limit=` | `{items, next_cursor}`, without secrets |
 * | `POST /admin/keys` `{studio, kind, games?, name?, create_games?, origins?}` | 201, the key with its `secret`, shown this once |
 * | `POST /admin/keys/{id}/rotate` `{overlap_seconds?}` | 200, the same with another secret |
 * | `POST /admin/keys/{id}/origins` `{origins}` | 200; the origins of pages that may use it, `null` for any |
 * | `POST /admin/keys/{id}/revoke` | 200; no node takes the key a second later |
 *
 * @module
 */
import type { Context, Hono } from "hono";
import { originOf } from "../../schema/http/origin.ts";
import { isId } from "../../schema/ids.ts";
import { limits } from "../../schema/limits.ts";
import { keyKinds, studioForm } from "../../schema/principal.ts";
import type { KeyKeeper, KeyWish } from "../keys/key_keeper.ts";
import { bodyAtMost, integerQuery, oneOf, readFields, wrong } from "./admin_input.ts";
import { problem } from "./admin_problem.ts";
import { callOf } from "./audited.ts";

const bodyBytesMax = 16 * 1024;
const idForm = /^[0-9a-f]{32}$/;

function readGames(value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return null;
  const isList = Array.isArray(value) && value.length > 0 &&
    value.length <= limits.gamesPerKeyMax && value.every((game) => isId(game, limits.idCharsMax));
  if (isList) return [...new Set(value as string[])];
  throw wrong("games", value, `1 to ${limits.gamesPerKeyMax} ids of games, or absent for all`);
}

function readFlag(field: string, value: unknown): boolean {
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw wrong(field, value, "true or false");
}

function readOrigins(value: unknown): readonly string[] | null {
  if (value === undefined || value === null) return null;
  const origins = Array.isArray(value) && value.length <= limits.originsPerKeyMax
    ? value.map((one) => typeof one === "string" ? originOf(one) : undefined)
    : [undefined];
  if (origins.length > 0 && !origins.includes(undefined)) return [...new Set(origins as string[])];
  const expected = `1 to ${limits.originsPerKeyMax} origins such as https://play.example.com ` +
    "or https://*.example.com, or absent for any";
  throw wrong("origins", value, expected);
}

/** @throws {InvalidInput} */
async function readWish(c: Context): Promise<KeyWish> {
  const body = await readFields(c, ["studio", "kind", "games", "name", "create_games", "origins"]);
  const { studio, name = "" } = body;
  if (typeof studio !== "string" || !studioForm.test(studio)) {
    throw wrong("studio", studio, "1 to 63 of a-z 0-9 _ -, a letter or digit first");
  }
  if (typeof name !== "string" || name.length > limits.keyNameCharsMax || name.includes("\0")) {
    throw wrong("name", name, `text of at most ${limits.keyNameCharsMax} characters`);
  }
  const kind = oneOf("kind", body.kind, keyKinds);
  const games = readGames(body.games);
  const createGames = readFlag("create_games", body.create_games);
  if (createGames && (kind === "read" || games !== null)) {
    throw wrong("create_games", true, "false for a key that reads, or that is for some games only");
  }
  if (kind !== "read" && games === null && !createGames) {
    throw wrong("games", undefined, "a list of games, unless create_games is true");
  }
  if (kind === "hmac" && games?.length !== 1) {
    throw wrong("games", games, "one game for a key that signs, as its events name none");
  }
  const origins = readOrigins(body.origins);
  return { studio, games, kind, name: name.toWellFormed(), createGames, origins };
}

/** @throws {InvalidInput} */
async function readOverlapMs(c: Context): Promise<number> {
  const { overlap_seconds = limits.keyOverlapMs / 1000 } = await readFields(c, ["overlap_seconds"]);
  const max = limits.keyOverlapMsMax / 1000;
  const isNumber = typeof overlap_seconds === "number" && Number.isFinite(overlap_seconds);
  if (isNumber && overlap_seconds >= 0 && overlap_seconds <= max) return overlap_seconds * 1000;
  throw wrong("overlap_seconds", overlap_seconds, `0 to ${max}`);
}

const unknownKey = () => problem(404, "not_found", "There is no such key, or it is revoked");

/** Answers with a secret: no cache may keep it, and packed its length would tell of it. */
const secretly = (c: Context) => c.header("cache-control", "no-store, no-transform");

export function addKeyRoutes(app: Hono, keys: KeyKeeper): void {
  const limitBody = bodyAtMost(bodyBytesMax);
  app.get("/admin/keys", async (c) => {
    const limit = integerQuery(c, "limit", 50);
    const cursor = c.req.query("cursor") ?? "";
    if (cursor !== "" && !idForm.test(cursor)) {
      throw wrong("cursor", cursor, "the next_cursor of a page");
    }
    return c.json(await keys.list(c.req.query("studio"), cursor, limit));
  });
  app.post("/admin/keys", limitBody, async (c) => {
    const made = await keys.create(await readWish(c), callOf(c));
    secretly(c);
    return c.json(made, 201);
  });
  app.post("/admin/keys/:id/rotate", limitBody, async (c) => {
    const overlapMs = await readOverlapMs(c);
    const id = c.req.param("id");
    const made = idForm.test(id) ? await keys.rotate(id, overlapMs) : undefined;
    if (made === undefined) return unknownKey();
    secretly(c);
    return c.json(made);
  });
  app.post("/admin/keys/:id/origins", limitBody, async (c) => {
    const { origins } = await readFields(c, ["origins"]);
    if (origins === undefined) {
      throw wrong("origins", origins, "a list of origins, or null for any");
    }
    const id = c.req.param("id");
    const list = readOrigins(origins);
    const row = idForm.test(id) ? await keys.setOrigins(id, list) : undefined;
    return row === undefined ? unknownKey() : c.json(row);
  });
  app.post("/admin/keys/:id/revoke", async (c) => {
    const id = c.req.param("id");
    const row = idForm.test(id) ? await keys.revoke(id) : undefined;
    return row === undefined ? unknownKey() : c.json(row);
  });
}
