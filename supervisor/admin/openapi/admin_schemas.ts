/**
 * What the admin API takes and answers, as zod describes it.
 *
 * @module
 */
import { z } from "zod";
import { logLevels } from "../../../schema/config.ts";
import { limits } from "../../../schema/limits.ts";
import { keyKinds } from "../../../schema/principal.ts";

const time = z.string().describe("RFC 3339");
const kind = z.enum(["player", "game"]);
const cursor = z.string().nullable().describe("Asks for what follows; null at the end");
const page = <T extends z.ZodType>(item: T) =>
  z.looseObject({ items: z.array(item), next_cursor: cursor });

const shard = z.looseObject({
  stage: z.string(),
  partition: z.int(),
  node: z.string().nullable(),
  worker: z.string().nullable(),
  epoch: z.int(),
  next_offset: z.int(),
  end_offset: z.int(),
  lag: z.int(),
  actors: z.int(),
  mailbox: z.int(),
  state: z.string(),
  snapshot_age_ms: z.number(),
});
const halted = z.looseObject({ kind, id: z.string(), reason: z.string(), since: time });
const key = z.looseObject({
  id: z.string(),
  studio: z.string(),
  games: z.array(z.string()).nullable().describe("null: every game"),
  kind: z.enum(keyKinds),
  name: z.string(),
  create_games: z.boolean(),
  origins: z.array(z.string()).nullable().describe("Of pages that may use it; null: any"),
  created_at: time,
  rotated_at: time.nullable(),
  previous_until: time.nullable(),
  revoked_at: time.nullable(),
});
const origins = z.array(z.string()).min(1).max(limits.originsPerKeyMax).nullable();
const letter = z.looseObject({
  id: z.string().describe("partition:offset in dlq.events"),
  parked_at: time,
  studio: z.string(),
  source: z.string(),
  code: z.string(),
  message: z.string(),
  replayable: z.boolean(),
});
const part = z.object({ part: z.string(), reason: z.string() });
const level = z.object({ level: z.enum(logLevels) });

export const adminSchemas: Readonly<Record<string, z.ZodType>> = {
  Live: z.object({ status: z.literal("live") }),
  Readiness: z.looseObject({
    status: z.enum(["ready", "not_ready"]),
    failing: z.array(part),
    degraded: z.array(part).optional(),
    parts: z.array(z.string()),
  }),
  Tree: z.looseObject({
    id: z.string(),
    type: z.enum(["worker", "supervisor"]),
    status: z.string(),
    restarts: z.int(),
    last_error: z.string().nullable(),
    children: z.array(z.unknown()).describe("The same again"),
  }),
  Shard: shard,
  Shards: z.array(shard),
  Actors: z.object({
    items: z.array(z.looseObject({ kind, id: z.string(), bytes: z.number(), share: z.number() })),
  }),
  Actor: z.looseObject({
    kind,
    id: z.string(),
    version: z.string(),
    hash: z.string(),
    state: z.unknown(),
  }),
  ActorAction: z.object({ kind, id: z.string(), action: z.string(), done: z.boolean() }),
  Unmerge: z.looseObject({}),
  HaltedActors: z.object({ items: z.array(halted) }),
  RestartHalted: z.strictObject({
    kind: kind.optional(),
    limit: z.int().min(1).max(1000).optional(),
    dry_run: z.boolean().optional(),
  }),
  RestartedActors: z.looseObject({ restarted: z.int(), left: z.int() }),
  Letters: page(letter),
  Letter: letter,
  LetterEvent: z.looseObject({}).describe("The edited event, as a client would send it"),
  LetterReplay: z.looseObject({ id: z.string(), event_id: z.string(), topic: z.string() }),
  LettersReplay: z.strictObject({
    code: z.string().optional(),
    source: z.string().optional(),
    studio: z.string().optional(),
    actor_id: z.string().optional(),
    limit: z.int().min(1).max(10_000).optional(),
    cursor: z.string().optional(),
    again: z.boolean().optional(),
  }),
  LettersReplayed: z.looseObject({ sent: z.int(), next_cursor: cursor }),
  LetterDiscarded: z.looseObject({ id: z.string() }),
  Audit: page(z.looseObject({
    at: time,
    call: z.string().describe("The answer's X-Call-Id"),
    method: z.string(),
    target: z.string(),
    status: z.int(),
  })),
  LogLevel: level,
  Draining: z.object({ status: z.literal("draining") }),
  Key: key,
  Keys: page(key),
  NewKey: z.strictObject({
    studio: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
    kind: z.enum(keyKinds),
    games: z.array(z.string()).min(1).max(limits.gamesPerKeyMax).nullable().optional(),
    name: z.string().max(limits.keyNameCharsMax).optional(),
    create_games: z.boolean().optional(),
    origins: origins.optional(),
  }),
  ShownKey: z.looseObject({ ...key.shape, secret: z.string().describe("Shown this once") }),
  KeyRotation: z.strictObject({
    overlap_seconds: z.number().min(0).max(limits.keyOverlapMsMax / 1000).optional(),
  }),
  KeyOrigins: z.strictObject({ origins }),
  NewShadow: z.strictObject({
    module: z.string().describe("file: URL of a behaviour's module"),
    share: z.number().gt(0).max(1).optional(),
    actors_max: z.int().min(1).max(1_000_000).optional(),
    compare_state: z.boolean().optional(),
  }),
  Shadow: z.looseObject({ version: z.int(), actors: z.int(), different: z.int() }),
  StateDiff: z.looseObject({ id: z.string(), changes: z.array(z.unknown()) }),
  Replay: z.looseObject({ id: z.string(), hash: z.string(), agrees: z.boolean() }),
};
