/**
 * The admin app over a platform that answers with fixtures, for tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createLogger, type LogLevel } from "../../observability/logger.ts";
import { type AdminDeps, createAdminApp } from "../admin_app.ts";
import type {
  ActorRow,
  ActorView,
  AdminPlatform,
  AuditRow,
  DeadLetterRow,
  DeadLetterView,
  HaltedRow,
  ShardRow,
  Unmerge,
} from "../admin_platform.ts";

export const token = "correct horse";

export const shard: ShardRow = {
  stage: "player",
  partition: 3,
  node: "node-0",
  worker: "worker-1",
  epoch: 2,
  next_offset: 10,
  end_offset: 12,
  lag: 2,
  actors: 5,
  mailbox: 1,
  state: "running",
  snapshot_age_ms: 9,
};

export const actor: ActorView = {
  kind: "player",
  id: "",
  version: "3:9",
  hash: "00ff",
  bytes: 100,
  live: true,
  state: { level: 4, e_mail: "a@b.c", deep: [{ IP: 1, ip: null }] },
  cost: null,
  recent_effects: [],
};

export const row: DeadLetterRow = {
  id: "0:7",
  parked_at: "2026-01-01T00:00:00.000Z",
  studio: "st",
  source: "player",
  code: "poison",
  message: "no",
  path: null,
  actor_id: "st/u",
  event_type: "purchase",
  replayable: true,
  replayed: null,
};

export const letter: DeadLetterView = {
  ...row,
  payload: '{"email":"a@b.c","level":3}',
  event: null,
  actor: { id: "st/u", state: [["", { Name: "Ann" }]], position: "0:1", version: 1 },
  discarded: null,
};

const cost = {
  since: "1970-01-01T00:00:00.000Z",
  events: 1,
  cpu_us: 2,
  event_bytes: 3,
  effects: 4,
};
export const listed: ActorRow = {
  kind: "player",
  id: "st/u",
  partition: 3,
  node: "node-a",
  worker: "worker-1",
  bytes: 100,
  mailbox: 0,
  cost,
  hot: false,
  share: 0.5,
};

export const halted: HaltedRow = {
  kind: "player",
  id: "st/u",
  partition: 3,
  node: "node-a",
  worker: "worker-1",
  reason: "it throws",
  since: "1970-01-01T00:00:00.000Z",
  position: "3:4",
  dead_letters: 2,
};

export const unmerged: Unmerge = {
  id: "",
  player: "st/ann",
  event_id: "",
  topic: "player.events.raw",
  partition: 3,
};

/** Answers with the fixtures and records what it was asked. */
function fakePlatform(calls: unknown[][]): AdminPlatform {
  let level: LogLevel = "info";
  return {
    tree: () => ({
      id: "platform",
      type: "supervisor",
      strategy: "one_for_one",
      status: "running",
      since: "2026-01-01T00:00:00.000Z",
      restarts: 0,
      last_error: null,
      children: [],
    }),
    shards: () => Promise.resolve([shard]),
    actor: (kind, id, asOf) => {
      calls.push([kind, id, asOf]);
      return Promise.resolve(id.endsWith("nobody") ? null : { ...actor, kind, id });
    },
    dlqList: (cursor, limit) => {
      calls.push([cursor, limit]);
      return Promise.resolve({ items: [row], next_cursor: "1-2-3" });
    },
    dlqGet: (id) => Promise.resolve(id === letter.id ? letter : null),
    dlqReplay: (id, call, edited) => {
      calls.push(["replay", id, call, edited]);
      const replay = { id, event_id: "e", topic: "player.events.raw", partition: 1 };
      return Promise.resolve(id === letter.id ? replay : null);
    },
    dlqReplayMany: (filter, options, call) => {
      calls.push(["replayMany", filter, options, call]);
      const skipped = { not_replayable: 0, replayed_before: 0 };
      return Promise.resolve({ sent: 2, skipped, next_cursor: null });
    },
    dlqDiscard: (id, call) => {
      const discarded = { at: "1970-01-01T00:00:00.000Z", call };
      return Promise.resolve(id === letter.id ? { ...letter, discarded } : null);
    },
    actors: (kind, sort, limit) => {
      calls.push(["actors", kind, sort, limit]);
      return Promise.resolve([listed]);
    },
    halted: () => Promise.resolve([halted]),
    actActor: (kind, id, action) => {
      calls.push([action, kind, id]);
      return Promise.resolve(true);
    },
    unmerge: (id, call) => {
      calls.push(["unmerge", id, call]);
      if (id.endsWith("nobody")) return Promise.resolve(null);
      return Promise.resolve({ ...unmerged, id, event_id: call });
    },
    actShard: (stage, partition, action) => {
      calls.push([action, stage, partition]);
      return Promise.resolve(partition === 3 ? shard : null);
    },
    audit: (cursor, limit) => {
      calls.push(["audit", cursor, limit]);
      return Promise.resolve({ items: [], next_cursor: null });
    },
    logLevel: () => level,
    setLogLevel: (to) => void (level = to),
    drain: () => void calls.push(["drain"]),
    ready: () => [{ part: "log", ready: true }],
    metrics: () => Promise.resolve("gamemetrics_up 1\n"),
  };
}

/** The app over a platform that answers with the fixtures and records what it was asked. */
export function open(more: Partial<AdminPlatform> = {}, deps: Partial<AdminDeps> = {}) {
  const calls: unknown[][] = [];
  const audits: AuditRow[] = [];
  const lines: string[] = [];
  const platform = { ...fakePlatform(calls), ...more };
  let nowMs = 0;
  const app = createAdminApp({
    platform,
    token,
    audit: (entry) => audits.push(entry),
    redactFields: ["email", "name", "ip"],
    now: () => nowMs++,
    log: createLogger({ write: (line) => lines.push(line), level: () => "info" }),
    ...deps,
  });
  const request = (path: string, init: RequestInit = {}, shown: string | null = token) =>
    app.request(path, {
      ...init,
      headers: shown === null ? {} : { authorization: `Bearer ${shown}` },
    }, { remote: "192.0.2.1" });
  const post = (path: string, body: BodyInit | null = null) =>
    request(path, { method: "POST", body });
  return { request, post, calls, audits, lines };
}

/** Holds an answer to be the problem expected. @returns its detail */
export async function assertProblem(
  response: Response,
  status: number,
  code: string,
): Promise<string> {
  assert.equal(response.status, status);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = await response.json();
  assert.deepEqual([body.status, body.code], [status, code]);
  assert.equal(typeof body.title, "string");
  return body.detail;
}
