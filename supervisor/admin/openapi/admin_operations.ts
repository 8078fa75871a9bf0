/**
 * What the admin API's description says of each call.
 *
 * @module
 */
import type {
  AnswerDoc,
  Operation,
  Operations,
  QueryField,
} from "../../../schema/http/openapi/document.ts";

const text = { type: "string" };
const ok = (schema: string, description = "Done"): Operation["answers"] => ({
  200: { description, schema },
});
const accepted = (schema: string): Record<string, AnswerDoc> => ({
  202: { description: "Begun", schema },
});

const cursor: QueryField = { name: "cursor", description: "`next_cursor` of a page", schema: text };
const limit: QueryField = {
  name: "limit",
  description: "At most so many",
  schema: { type: "integer", minimum: 1, maximum: 100 },
};
const reveal: QueryField = {
  name: "reveal",
  description: "Show the fields that are masked",
  schema: { type: "string", enum: ["true", "false"] },
};
const point = (name: string, description: string, required = false): QueryField => ({
  name,
  description: `${description}: RFC 3339, or partition:offset`,
  required,
  schema: text,
  ...(required ? { example: "2026-01-01T00:00:00Z" } : {}),
});

const security = ["adminToken"];
const call = (
  tag: string,
  summary: string,
  rest: Omit<Operation, "tag" | "summary" | "security">,
) => ({ tag, summary, security, ...rest }) as Operation;
const open = (tag: string, summary: string, rest: Pick<Operation, "answers">): Operation => ({
  tag,
  summary,
  security: [],
  ...rest,
});

const node: Operations = {
  "GET /health/live": open("Node", "Whether the process answers at all", { answers: ok("Live") }),
  "GET /health/ready": open("Node", "Whether it may be sent requests", {
    answers: { ...ok("Readiness"), 503: { description: "Not ready", schema: "Readiness" } },
  }),
  "GET /metrics": open("Node", "Metrics for Prometheus", {
    answers: { 200: { description: "Text format 0.0.4", types: ["text/plain"] } },
  }),
  "GET /openapi.json": open("Node", "This document", {
    answers: { 200: { description: "OpenAPI 3.1", types: ["application/json"] } },
  }),
  "GET /docs": open("Node", "This document as a page", {
    answers: { 200: { description: "HTML without scripts", types: ["text/html"] } },
  }),
  "GET /admin/tree": call("Node", "The supervision tree", { answers: ok("Tree") }),
  "GET /admin/audit": call("Node", "Calls of this API, newest first", {
    query: [cursor, limit],
    answers: ok("Audit"),
  }),
  "GET /admin/log-level": call("Node", "The level of the log", { answers: ok("LogLevel") }),
  "PUT /admin/log-level": call("Node", "Set the level until the next start", {
    body: { schema: "LogLevel", examples: { "less": { level: "warn" } } },
    answers: ok("LogLevel"),
  }),
  "POST /admin/drain": call("Node", "Drain the node and end it", { answers: accepted("Draining") }),
};

const actors: Operations = {
  "GET /admin/actors": call("Actors", "The costliest actors", {
    query: [
      { name: "kind", description: "player or game", schema: text },
      { name: "sort", description: "cpu, mailbox, bytes or events", schema: text },
      limit,
    ],
    answers: ok("Actors"),
  }),
  "GET /admin/actors/:kind/:id": call("Actors", "One actor, now or as it was", {
    query: [point("as_of", "As of"), reveal],
    answers: ok("Actor"),
  }),
  "POST /admin/actors/:kind/:id/restart": call("Actors", "Rebuild from the store", {
    answers: ok("ActorAction"),
  }),
  "POST /admin/actors/:kind/:id/passivate": call("Actors", "Snapshot and drop from memory", {
    answers: ok("ActorAction"),
  }),
  "POST /admin/actors/player/:id/unmerge": call("Actors", "Undo what made an id another's alias", {
    answers: accepted("Unmerge"),
  }),
  "GET /admin/actors/:kind/:id/diff": call("Actors", "What changed between two points", {
    query: [point("from", "From", true), point("to", "To; now without it"), reveal],
    answers: ok("StateDiff"),
  }),
  "POST /admin/actors/:kind/:id/replay": call("Actors", "Whether its journal leads to what it is", {
    query: [point("as_of", "As of"), reveal],
    answers: ok("Replay"),
  }),
  "GET /admin/halted": call("Actors", "Actors that stand still", { answers: ok("HaltedActors") }),
  "POST /admin/halted/restart": call("Actors", "Restart those that stand still", {
    body: { schema: "RestartHalted", required: false, examples: { "a look": { dry_run: true } } },
    answers: ok("RestartedActors"),
  }),
};

const shardAction = (summary: string) => call("Shards", summary, { answers: ok("Shard") });

const shards: Operations = {
  "GET /admin/shards": call("Shards", "Every shard, its lag and its owner", {
    answers: ok("Shards"),
  }),
  "POST /admin/shards/:stage/:partition/pause": shardAction("Stop reading the log"),
  "POST /admin/shards/:stage/:partition/resume": shardAction("Go on reading"),
  "POST /admin/shards/:stage/:partition/restart": shardAction("Begin anew from the store"),
  "POST /admin/stages/:stage/shadow": call("Shards", "Run another version beside a stage", {
    body: {
      schema: "NewShadow",
      examples: { "half of all": { module: "file:///a.ts", share: 0.5 } },
    },
    answers: { 201: { description: "Begun", schema: "Shadow" } },
  }),
  "GET /admin/stages/:stage/shadow": call("Shards", "What a shadow has found", {
    query: [reveal],
    answers: ok("Shadow"),
  }),
  "DELETE /admin/stages/:stage/shadow": call("Shards", "End a shadow", { answers: ok("Shadow") }),
};

const letters: Operations = {
  "GET /admin/dlq": call("Dead letters", "Newest first", {
    query: [cursor, limit],
    answers: ok("Letters"),
  }),
  "GET /admin/dlq/:id": call("Dead letters", "One letter, with its event", {
    query: [reveal],
    answers: ok("Letter"),
  }),
  "POST /admin/dlq/:id/replay": call("Dead letters", "Send its event again, or an edited one", {
    body: {
      schema: "LetterEvent",
      required: false,
      examples: { "an edited event": { event_type: "jump", user_id: "u-17", game_id: "chess" } },
    },
    answers: accepted("LetterReplay"),
  }),
  "POST /admin/dlq/:id/discard": call("Dead letters", "Take it off the list", {
    answers: ok("LetterDiscarded"),
  }),
  "POST /admin/dlq/replay": call("Dead letters", "Send many again", {
    body: {
      schema: "LettersReplay",
      required: false,
      examples: { "all of a code": { code: "poison", limit: 100 } },
    },
    answers: accepted("LettersReplayed"),
  }),
};

const keys: Operations = {
  "GET /admin/keys": call("Keys", "Keys by id, without secrets", {
    query: [{ name: "studio", description: "Of one studio", schema: text }, cursor, limit],
    answers: ok("Keys"),
  }),
  "POST /admin/keys": call("Keys", "Make a key", {
    description:
      "`write` for clients that send, `read` for servers that read, `hmac` for clients " +
      "that sign. `origins` holds pages to a list; apps and servers name no origin.",
    body: {
      schema: "NewKey",
      examples: {
        "for a web game": {
          studio: "acme",
          kind: "write",
          games: ["chess"],
          origins: ["https://play.example.com", "https://*.example.net"],
        },
      },
    },
    answers: { 201: { description: "Made", schema: "ShownKey" } },
  }),
  "POST /admin/keys/:id/rotate": call("Keys", "Give it another secret", {
    body: {
      schema: "KeyRotation",
      required: false,
      examples: { "an hour": { overlap_seconds: 3600 } },
    },
    answers: ok("ShownKey"),
  }),
  "POST /admin/keys/:id/origins": call("Keys", "Hold it to origins of pages", {
    body: { schema: "KeyOrigins", examples: { "one": { origins: ["https://play.example.com"] } } },
    answers: ok("Key"),
  }),
  "POST /admin/keys/:id/revoke": call("Keys", "Refuse it within a second, everywhere", {
    answers: ok("Key"),
  }),
};

export const adminOperations: Operations = { ...node, ...actors, ...shards, ...letters, ...keys };
