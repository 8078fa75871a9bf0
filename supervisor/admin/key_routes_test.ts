import assert from "node:assert/strict";
import { startTestingDatabase, type TestingDatabase } from "../store/sql/testing_database.ts";
import { KeyKeeper } from "../keys/key_keeper.ts";
import { KeyRing } from "../keys/key_ring.ts";
import { KeyStore } from "../keys/key_store.ts";
import { Sealer } from "../keys/secrets_of_keys.ts";
import { assertProblem, open as openAdmin, token } from "./testing/admin_world.ts";

const sealer = new Sealer("of this installation");
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

function open() {
  const ring = new KeyRing({ sealer, now: Date.now });
  const keys = new KeyKeeper({ ring, sealer, canSeal: true, store: () => store });
  const admin = openAdmin({}, { keys });
  const send = (path: string, body?: unknown, shown: string | null = token) =>
    admin.request(path, {
      method: "POST",
      body: body === undefined ? null : JSON.stringify(body),
    }, shown);
  return { ...admin, ring, send };
}

const wish = { studio: "acme", kind: "write", games: ["chess"] };

Deno.test("POST /admin/keys makes a key, shows its secret once, and audits without it", async () => {
  const { send, request, ring, audits, lines } = open();
  const answer = await send("/admin/keys", { ...wish, name: "launcher" });
  assert.deepEqual([answer.status, answer.headers.get("cache-control")], [
    201,
    "no-store, no-transform",
  ]);
  const { secret, ...made } = await answer.json();
  assert.equal(ring.resolve(secret)?.studio, "acme");
  const page = await (await request("/admin/keys?studio=acme")).json();
  assert.deepEqual(page.items.filter(({ id }: { id: string }) => id === made.id), [made]);
  assert.equal(JSON.stringify(page).includes(secret), false);
  assert.deepEqual([audits[0]!.target, audits[0]!.status], ["/admin/keys", 201]);
  assert.equal(JSON.stringify([audits, lines]).includes(secret), false);
});

Deno.test("POST /admin/keys/{id}/rotate and revoke change which secrets are good", async () => {
  const { send, ring } = open();
  const first = await (await send("/admin/keys", wish)).json();
  const path = `/admin/keys/${first.id}`;
  const second = await (await send(`${path}/rotate`, { overlap_seconds: 60 })).json();
  assert.notEqual(second.secret, first.secret);
  assert.notEqual(ring.resolve(first.secret), undefined);
  const revoked = await send(`${path}/revoke`);
  assert.equal(revoked.status, 200);
  assert.equal("secret" in await revoked.json(), false);
  assert.equal(ring.resolve(first.secret) ?? ring.resolve(second.secret), undefined);
  await assertProblem(await send(`${path}/rotate`), 404, "not_found");
  await assertProblem(await send("/admin/keys/nobody/revoke"), 404, "not_found");
});

Deno.test("POST /admin/keys/{id}/origins holds a key to origins, and lets it go", async () => {
  const { send, ring } = open();
  const origins = ["https://Play.example.com:443", "https://*.itch.test"];
  const made = await (await send("/admin/keys", { ...wish, origins })).json();
  const kept = ["https://play.example.com", "https://*.itch.test"];
  assert.deepEqual(made.origins, kept);
  assert.deepEqual(ring.resolve(made.secret)?.origins, kept);
  const path = `/admin/keys/${made.id}/origins`;
  assert.deepEqual((await (await send(path, { origins: ["null"] })).json()).origins, ["null"]);
  assert.deepEqual(ring.resolve(made.secret)?.origins, ["null"]);
  assert.equal((await (await send(path, { origins: null })).json()).origins, null);
  assert.equal(ring.resolve(made.secret)?.origins, undefined);
  await assertProblem(await send(path, {}), 400, "invalid_field");
  await assertProblem(await send(path, { origins: "*" }), 400, "invalid_field");
  const nobody = await send("/admin/keys/nobody/origins", { origins: null });
  await assertProblem(nobody, 404, "not_found");
});

Deno.test("POST /admin/keys says what is wrong with a key that is wished for", async () => {
  const { send } = open();
  const faults: [unknown, string][] = [
    [{ ...wish, studio: "a/b" }, "studio must be 1 to 63 of"],
    [{ ...wish, kind: "root" }, "kind must be one of write, read, hmac"],
    [{ ...wish, games: [] }, "games must be 1 to 100 ids"],
    [{ ...wish, games: ["a", ""] }, "games must be 1 to 100 ids"],
    [{ studio: "acme", kind: "write" }, "games must be a list of games"],
    [{ ...wish, create_games: true }, "create_games must be false"],
    [{ ...wish, kind: "hmac", games: ["a", "b"] }, "games must be one game"],
    [{ ...wish, name: "x".repeat(101) }, "name must be text"],
    [{ ...wish, origins: [] }, "origins must be 1 to 50 origins"],
    [{ ...wish, origins: ["https://a.test/path"] }, "origins must be 1 to 50 origins"],
  ];
  for (const [body, expected] of faults) {
    const detail = await assertProblem(await send("/admin/keys", body), 400, "invalid_field");
    assert.ok(detail.startsWith(expected), detail);
  }
  const { id } = await (await send("/admin/keys", wish)).json();
  const late = await send(`/admin/keys/${id}/rotate`, { overlap_seconds: -1 });
  await assertProblem(late, 400, "invalid_field");
});

Deno.test("/admin/keys needs the admin token; a key is none", async () => {
  const { send, request } = open();
  const { secret } = await (await send("/admin/keys", { ...wish, kind: "read" })).json();
  for (const shown of [null, secret]) {
    await assertProblem(await request("/admin/keys", {}, shown), 401, "unauthorized");
    await assertProblem(await send("/admin/keys", wish, shown), 401, "unauthorized");
  }
});
