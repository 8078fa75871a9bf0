/**
 * The admin API: the operators' port. Health and metrics are open to whoever reaches it, all else
 * needs the token, and every such call is audited, the refused ones too.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { limits } from "../../schema/limits.ts";
import { parseDateTime } from "../../schema/rfc3339.ts";
import { type Logger, logger } from "../observability/logger.ts";
import type { ActorKind } from "../platform.ts";
import type { AdminPlatform } from "./admin_platform.ts";
import { problem, problemOf } from "./admin_problem.ts";

/** One call of the admin API. */
export interface AuditEntry {
  /** When it was answered, RFC 3339. */
  readonly at: string;
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly status: number;
  readonly duration_ms: number;
}

export interface AdminDeps {
  readonly platform: AdminPlatform;
  /** The bearer token. */
  readonly token: string;
  readonly audit: (entry: AuditEntry) => void;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
  /** Hears of calls that failed on our side. @default the platform's */
  readonly log?: Logger;
}

/** An edited event as JSON, with room for its white space. */
const bodyBytesMax = 2 * limits.eventBytesMax;

const actorKinds: readonly ActorKind[] = ["player", "game"];

/** The admin API over `deps.platform`. */
export function createAdminApp(deps: AdminDeps): Hono {
  const { platform, token, audit, now = Date.now, log = logger("admin") } = deps;
  const app = new Hono();
  addOpenRoutes(app, platform);
  app.use("/admin/*", audited(audit, now), authorized(token));
  addTreeRoutes(app, platform);
  addDeadLetterRoutes(app, platform);
  addMethodErrors(app);
  app.notFound(() => problem(404, "not_found", "Nothing is served at this path"));
  app.onError((error, c) => {
    const answer = problemOf(error);
    if (answer !== undefined) return answer;
    log.error("An admin call failed", { method: c.req.method, path: c.req.path, error });
    return problem(500, "internal", "The call failed on our side; the log says why");
  });
  return app;
}

function addOpenRoutes(app: Hono, platform: AdminPlatform): void {
  app.get("/health/live", (c) => c.json({ status: "live" }));
  app.get("/health/ready", (c) => {
    const parts = platform.ready();
    const failing = parts.filter(({ ready }) => !ready)
      .map(({ part, reason }) => ({ part, reason: reason ?? "not ready" }));
    const isReady = failing.length === 0;
    const status = isReady ? "ready" : "not_ready";
    return c.json({ status, failing, parts: parts.map(({ part }) => part) }, isReady ? 200 : 503);
  });
  app.get("/metrics", async (c) =>
    c.body(await platform.metrics(), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    }));
}

function addTreeRoutes(app: Hono, platform: AdminPlatform): void {
  app.get("/admin/tree", (c) => c.json(platform.tree()));
  app.get("/admin/shards", async (c) => c.json(await platform.shards()));
  app.get("/admin/actors/:kind/:id", async (c) => {
    const { kind, id } = c.req.param();
    if (!actorKinds.includes(kind as ActorKind)) {
      const expected = actorKinds.join(", ");
      return problem(404, "not_found", `Actors are of the kinds ${expected}: got '${kind}'`);
    }
    const asOf = c.req.query("as_of");
    const asOfMs = asOf === undefined ? undefined : parseDateTime(asOf);
    if (Number.isNaN(asOfMs)) {
      return problem(400, "invalid_timestamp", "as_of must be an RFC 3339 date-time");
    }
    const actor = await platform.actor(kind as ActorKind, id, asOfMs);
    if (actor !== null) return c.json(actor as object);
    return problem(404, "unknown_actor", `No event has ever reached ${kind} '${id}'`);
  });
  app.post("/admin/drain", (c) => {
    platform.drain();
    return c.json({ status: "draining" }, 202);
  });
}

function addDeadLetterRoutes(app: Hono, platform: AdminPlatform): void {
  const unknownLetter = (id: string) =>
    problem(404, "unknown_letter", `dlq.events holds no letter '${id}' (any more)`);
  app.get("/admin/dlq", async (c) => {
    const limit = Number(c.req.query("limit") ?? 50);
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > limits.adminPageSizeMax) {
      const detail = `limit must be a whole number of 1 to ${limits.adminPageSizeMax}`;
      return problem(400, "invalid_field", detail);
    }
    return c.json(await platform.dlqList(c.req.query("cursor"), limit));
  });
  app.get("/admin/dlq/:id", async (c) => {
    const letter = await platform.dlqGet(c.req.param("id"));
    return letter === null ? unknownLetter(c.req.param("id")) : c.json(letter as object);
  });
  const limitBody = bodyLimit({
    maxSize: bodyBytesMax,
    onError: () => problem(413, "too_large", `Send at most ${bodyBytesMax} bytes`),
  });
  app.post("/admin/dlq/:id/replay", limitBody, async (c) => {
    const body = await readJson(c);
    if (body instanceof Response) return body;
    const replay = await platform.dlqReplay(c.req.param("id"), body.value);
    return replay === null ? unknownLetter(c.req.param("id")) : c.json(replay, 202);
  });
}

/** The JSON body; `undefined` for an empty one, which asks for the letter's own event. */
async function readJson(c: Context): Promise<{ readonly value: unknown } | Response> {
  const bytes = await c.req.arrayBuffer();
  if (bytes.byteLength === 0) return { value: undefined };
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    return problem(400, "invalid_json", "The body must be one event as JSON in UTF-8, or empty");
  }
}

/** Answers 405 at the paths that are served, for other methods than theirs. */
function addMethodErrors(app: Hono): void {
  const allowed = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    allowed.set(path, (allowed.get(path) ?? new Set()).add(method));
  }
  for (const [path, methods] of allowed) {
    const allow = [...methods].join(", ");
    app.all(path, () => problem(405, "method_not_allowed", `Use ${allow} here`, { allow }));
  }
}

/** Tells `audit` of each call once it is answered. */
function audited(audit: AdminDeps["audit"], now: () => number): MiddlewareHandler {
  return async function auditCall(c, next) {
    const startMs = now();
    await next();
    const { pathname, search } = new URL(c.req.url);
    const endMs = now();
    audit({
      at: new Date(endMs).toISOString(),
      method: c.req.method,
      target: pathname + search,
      status: c.res.status,
      duration_ms: endMs - startMs,
    });
  };
}

/** Lets through whoever shows the token. */
function authorized(token: string): MiddlewareHandler {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const expected = digest(token);
  return async function checkToken(c, next) {
    const given = /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
    // Digests are of one length, so that the comparison takes the same time whatever was sent.
    if (timingSafeEqual(digest(given), expected)) return await next();
    return problem(401, "unauthorized", "Send the admin token: Authorization: Bearer TOKEN", {
      "www-authenticate": "Bearer",
    });
  };
}
