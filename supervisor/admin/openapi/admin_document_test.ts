import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { KeyKeeper } from "../../keys/key_keeper.ts";
import { KeyRing } from "../../keys/key_ring.ts";
import { KeyStore } from "../../keys/key_store.ts";
import { Sealer } from "../../keys/secrets_of_keys.ts";
import { startTestingDatabase, type TestingDatabase } from "../../store/sql/testing_database.ts";
import { createAdminApp } from "../admin_app.ts";
import { assertProblem, open as openAdmin } from "../testing/admin_world.ts";
import { adminDocument } from "./admin_document.ts";
import { adminSchemas } from "./admin_schemas.ts";

let server: TestingDatabase;
let store: KeyStore;

Deno.test.beforeAll(async () => {
  server = await startTestingDatabase(import.meta.url);
  store = new KeyStore(server.url);
});

Deno.test.afterAll(async () => {
  await store.close();
  await server.close();
});

const shadow = {
  version: 2,
  share: 0.5,
  actors: 1,
  skipped: 0,
  messages: 3,
  different: 0,
  differences: [],
};
const side = { version: "3:9", hash: "00", code_version: 1 };

/** The app with everything it can serve: keys in a real store, the rest as fixtures. */
function open() {
  const sealer = new Sealer("of this installation");
  const ring = new KeyRing({ sealer, now: Date.now });
  const keys = new KeyKeeper({ ring, sealer, canSeal: true, store: () => store });
  const shadows = {
    start: () => Promise.resolve(shadow),
    report: () => Promise.resolve(shadow),
    stop: () => Promise.resolve(shadow),
  };
  const travel = {
    diff: () =>
      Promise.resolve({ id: "st/u", from: side, to: side, changes: [], truncated: false }),
    replay: () => Promise.resolve({ id: "st/u", hash: "00", agrees: true }),
  };
  return { keys, ...openAdmin({}, { keys, shadows, travel: travel as never }) };
}

const document = adminDocument();
// deno-lint-ignore no-explicit-any -- parts of a document are of many shapes
type Part = any;
const described = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, op]) => ({
    method: method.toUpperCase(),
    path,
    op: op as Part,
  }))
);

/** METHOD and path of what the app serves, as documents write paths. */
function served(): Set<string> {
  const nothing = {} as never;
  const app = createAdminApp({
    platform: nothing,
    token: "t",
    audit() {},
    redactFields: [],
    shadows: nothing,
    keys: nothing,
    travel: nothing,
  });
  return new Set(
    app.routes.filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
  );
}

const filled = (path: string) =>
  path.replace("{kind}", "player").replace("{stage}", "player").replace("{partition}", "3")
    .replace("{id}", path.includes("/dlq/") ? "0:7" : "st%2Fu");

Deno.test("adminDocument() is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document) as never);
  assert.deepEqual([result.valid, result.errors, validator.version], [true, undefined, "3.1"]);
});

Deno.test("adminDocument() describes every route of the admin port, and no other", () => {
  const told = described.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(told.sort(), [...served()].sort());
  assert.equal(new Set(described.map(({ op }) => op.operationId)).size, described.length);
});

Deno.test("Each admin call takes its examples and answers as described", async () => {
  const { request, keys } = open();
  const wish = { studio: "st", kind: "write", games: ["g"], name: "", createGames: false } as const;
  for (const { method, path, op } of described) {
    const key = path.includes("/keys/{id}")
      ? await keys.create({ ...wish, origins: null }, crypto.randomUUID())
      : undefined;
    const query = new URLSearchParams();
    for (const { name, example } of op.parameters ?? []) {
      if (example !== undefined && !path.includes(`{${name}}`)) query.set(name, example);
    }
    const body = op.requestBody?.content["application/json"];
    const examples: Part[] = Object.values(body?.examples ?? { none: {} });
    for (const { value } of examples) {
      if (body !== undefined) {
        const schema = adminSchemas[body.schema.$ref.split("/").at(-1)]!;
        assert.equal(schema.safeParse(value).error, undefined, path);
      }
      const target = filled(key === undefined ? path : path.replace("{id}", key.id));
      const response = await request(`${target}?${query}`, {
        method,
        body: value === undefined ? null : JSON.stringify(value),
      });
      const text = await response.text();
      const where = `${method} ${path} answered ${response.status} ${text.slice(0, 200)}`;
      const answer = op.responses[String(response.status)];
      assert.ok(response.status < 300 && answer !== undefined, where);
      const type = response.headers.get("content-type")!.split(";")[0]!;
      assert.ok(answer.content[type], where);
      const name = answer.content[type].schema?.$ref.split("/").at(-1);
      if (name === undefined) continue;
      assert.equal(adminSchemas[name]!.safeParse(JSON.parse(text)).error, undefined, where);
    }
  }
});

Deno.test("Every wrong method of the admin port is a problem that says which are right", async () => {
  const { request } = open();
  const right = new Map<string, Set<string>>();
  for (const one of served()) {
    const [method, path] = one.split(" ") as [string, string];
    right.set(path, (right.get(path) ?? new Set()).add(method));
  }
  assert.ok(right.size >= 30);
  for (const [path, methods] of right) {
    const expected = new Set([...methods, ...(methods.has("GET") ? ["HEAD"] : [])]);
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]) {
      // `/admin/dlq/replay` is by GET a letter of that name.
      if (expected.has(method) || (method === "GET" && path === "/admin/dlq/replay")) continue;
      const response = await request(filled(path), { method });
      assert.deepEqual(new Set(response.headers.get("allow")?.split(", ")), expected, path);
      await assertProblem(response, 405, "method_not_allowed");
    }
  }
});

Deno.test("Answers of the admin port have a request id, are not kept, and tell other origins nothing", async () => {
  const { request } = openAdmin({ tree: () => assert.fail("the password is hunter2") });
  for (
    const [path, status] of [
      ["/health/live", 200],
      ["/metrics", 200],
      ["/admin/shards", 200],
      ["/nowhere", 404],
      ["/admin/tree", 500],
    ] as const
  ) {
    const response = await request(path);
    const { headers } = response;
    const text = await response.text();
    assert.equal(response.status, status, path);
    const id = headers.get("x-request-id")!;
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(headers.get("cache-control"), "no-store", path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("access-control-allow-origin"), null, path);
    assert.equal(headers.get("server"), null, path);
    if (status >= 400) assert.equal(JSON.parse(text).request_id, id);
    assert.doesNotMatch(text, /hunter2/);
  }
  const preflight = await request("/admin/tree", { method: "OPTIONS" }, null);
  assert.equal(preflight.status, 401);
  assert.equal(preflight.headers.get("access-control-allow-origin"), null);
});

Deno.test("/openapi.json and /docs of the admin port need no token", async () => {
  const { request } = openAdmin();
  const json = await request("/openapi.json", {}, null);
  assert.deepEqual(await json.json(), JSON.parse(JSON.stringify(document)));
  const docs = await request("/docs", {}, null);
  assert.match(docs.headers.get("content-security-policy")!, /default-src 'none'/);
  const html = await docs.text();
  for (const { op } of described) assert.ok(html.includes(`id="${op.operationId}"`));
});
