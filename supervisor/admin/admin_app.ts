/**
 * The admin API: the operators' port. Health and metrics are open to whoever reaches it, all else
 * needs the token, and every such call is audited, the refused ones too.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { Hono, type MiddlewareHandler } from "hono";
import { logLevels } from "../../schema/config.ts";
import { readiness } from "../../schema/http/readiness.ts";
import { type Logger, logger } from "../observability/logger.ts";
import { addActorRoutes, addHaltedRoutes, addShardRoutes } from "./actors/actor_routes.ts";
import { bodyAtMost, integerQuery, oneOf, readFields } from "./admin_input.ts";
import type { AdminPlatform, AuditRow } from "./admin_platform.ts";
import { problem, problemOf } from "./admin_problem.ts";
import { conventions } from "./conventions.ts";
import { addDescriptionRoutes } from "./openapi/admin_document.ts";
import { addTimeTravelRoutes, type TimeTravel } from "./time_travel_routes.ts";
import { audited } from "./audited.ts";
import { addDeadLetterRoutes } from "./dlq/dead_letter_routes.ts";
import { addKeyRoutes } from "./key_routes.ts";
import type { KeyKeeper } from "../keys/key_keeper.ts";
import { addShadowRoutes, type ShadowControl } from "./shadow_routes.ts";
import { FieldMask } from "./mask_fields.ts";

export interface AdminDeps {
  readonly platform: AdminPlatform;
  /** The bearer token. */
  readonly token: string;
  readonly audit: (entry: AuditRow) => void;
  /** Properties with these names are masked in answers. */
  readonly redactFields: readonly string[];
  /** @default shadows are not served */
  readonly shadows?: ShadowControl;
  /** @default API keys are not served */
  readonly keys?: KeyKeeper;
  /** @default time travel is not served */
  readonly travel?: TimeTravel;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
  /** Ids of requests. @default random UUIDs */
  readonly newId?: () => string;
  /** Hears of calls that failed on our side. @default the platform's */
  readonly log?: Logger;
}

/** The admin API over `deps.platform`. */
export function createAdminApp(deps: AdminDeps): Hono {
  const { platform, token, audit, redactFields, now = Date.now, log = logger("admin") } = deps;
  const app = new Hono();
  app.use(conventions(deps.newId ?? (() => crypto.randomUUID())));
  addOpenRoutes(app, platform);
  addDescriptionRoutes(app);
  app.use("/admin/*", audited(audit, now), authorized(token));
  const mask = new FieldMask(redactFields);
  addActorRoutes(app, platform, mask);
  addHaltedRoutes(app, platform, now);
  addShardRoutes(app, platform);
  addDeadLetterRoutes(app, platform, mask);
  addOperationRoutes(app, platform);
  if (deps.keys !== undefined) addKeyRoutes(app, deps.keys);
  if (deps.shadows !== undefined) addShadowRoutes(app, deps.shadows, mask);
  if (deps.travel !== undefined) {
    addTimeTravelRoutes(app, deps.travel, (value) => mask.value(value));
  }
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
    const { status, body } = readiness(platform.ready(), { reasons: true });
    return c.json(body, status);
  });
  app.get("/metrics", async (c) =>
    c.body(await platform.metrics(), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
    }));
}

function addOperationRoutes(app: Hono, platform: AdminPlatform): void {
  app.get("/admin/audit", async (c) => {
    const limit = integerQuery(c, "limit", 50);
    return c.json(await platform.audit(c.req.query("cursor"), limit));
  });
  app.get("/admin/log-level", (c) => c.json({ level: platform.logLevel() }));
  app.put("/admin/log-level", bodyAtMost(1024), async (c) => {
    const { level } = await readFields(c, ["level"]);
    platform.setLogLevel(oneOf("level", level, logLevels));
    return c.json({ level: platform.logLevel() });
  });
  app.post("/admin/drain", (c) => {
    platform.drain();
    return c.json({ status: "draining" }, 202);
  });
}

/** Answers 405 at the paths that are served, for other methods than theirs. */
function addMethodErrors(app: Hono): void {
  const allowed = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL") continue;
    allowed.set(path, (allowed.get(path) ?? new Set()).add(method));
  }
  for (const [path, methods] of allowed) {
    const allow = [...methods, ...(methods.has("GET") ? ["HEAD"] : [])].join(", ");
    app.all(path, () => problem(405, "method_not_allowed", `Use ${allow} here`, { allow }));
  }
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
