import assert from "node:assert/strict";
import postgres from "postgres";
import { InvalidInput } from "../../schema/errors.ts";
import { startTestingDatabase, type TestingDatabase } from "../store/sql/testing_database.ts";
import { KeyKeeper, type KeyWish } from "./key_keeper.ts";
import { KeyRing } from "./key_ring.ts";
import { KeyStore } from "./key_store.ts";
import { Sealer } from "./secrets_of_keys.ts";

const sealer = new Sealer("of this installation");
const call = "00000000-0000-4000-8000-000000000001";
const wish: KeyWish = {
  studio: "acme",
  games: ["chess"],
  kind: "write",
  name: "build 7",
  createGames: false,
  origins: null,
};

let server: TestingDatabase;
let store: KeyStore;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  server = await startTestingDatabase(import.meta.url);
  store = new KeyStore(server.url);
  sql = postgres(server.url, { max: 1, onnotice() {} });
});

Deno.test.afterAll(async () => {
  await store.close();
  await sql.end();
  await server.close();
});

/** A node: its ring, and what operators do there. */
function open(canSeal = true) {
  const ring = new KeyRing({ sealer, now: Date.now });
  return { ring, keeper: new KeyKeeper({ ring, sealer, canSeal, store: () => store }) };
}

Deno.test("KeyKeeper.create() shows the secret once and keeps none of it", async () => {
  const { ring, keeper } = open();
  const made = await keeper.create(wish, call);
  assert.match(made.secret, /^gm_w_/);
  assert.equal(ring.resolve(made.secret)?.id, made.id);
  const signs = await keeper.create({ ...wish, kind: "hmac" }, call);
  assert.match(signs.secret, /^[0-9a-f]{40}$/);
  assert.deepEqual(ring.hmac(signs.id)?.secrets, [signs.secret]);
  const [row] = await sql`select json_agg(k)::text as all from api_key k`;
  assert.equal(row!.all.includes(made.secret) || row!.all.includes(signs.secret), false);
  const { items } = await keeper.list("acme", "", 100);
  assert.equal(items.length, 2);
  assert.equal("secret" in items[0]!, false);
  assert.deepEqual((await keeper.list("other", "", 100)).items, []);
});

Deno.test("KeyKeeper.rotate() keeps the secret of before for its time, the one before that not", async () => {
  const { ring, keeper } = open();
  for (const kind of ["read", "hmac"] as const) {
    const first = await keeper.create({ ...wish, kind }, call);
    const second = await keeper.rotate(first.id, 60_000);
    const third = await keeper.rotate(first.id, 60_000);
    assert.equal(third!.id, first.id);
    assert.ok(Date.parse(third!.previous_until!) > Date.now());
    if (kind === "hmac") {
      assert.deepEqual(ring.hmac(first.id)?.secrets, [third!.secret, second!.secret]);
    } else {
      const secrets = [first.secret, second!.secret, third!.secret];
      const known = secrets.map((secret) => ring.resolve(secret)?.id);
      assert.deepEqual(known, [undefined, first.id, first.id]);
    }
    const last = await keeper.rotate(first.id, 0);
    assert.equal(last!.previous_until, null);
    if (kind === "hmac") assert.deepEqual(ring.hmac(first.id)?.secrets, [last!.secret]);
    else assert.equal(ring.resolve(third!.secret), undefined);
  }
});

Deno.test("KeyKeeper.revoke() reaches another node with its next look, both secrets", async () => {
  const { keeper } = open();
  const other = open().ring;
  const first = await keeper.create(wish, call);
  const second = await keeper.rotate(first.id, 60_000);
  await other.refresh(store);
  assert.notEqual(other.resolve(first.secret), undefined);
  const revoked = await keeper.revoke(first.id);
  await other.refresh(store);
  for (const { secret } of [first, second!]) assert.equal(other.resolve(secret), undefined);
  assert.equal((await keeper.revoke(first.id))!.revoked_at, revoked!.revoked_at);
  assert.equal(await keeper.rotate(first.id, 0), undefined);
  assert.equal(await keeper.revoke("0".repeat(32)), undefined);
  // Nothing has changed: nothing is read.
  const { version } = (await store.since(0))!;
  assert.equal(await store.since(version), undefined);
});

Deno.test("KeyKeeper makes no key that signs where other nodes could not open it", async () => {
  const { keeper } = open(false);
  await assert.rejects(keeper.create({ ...wish, kind: "hmac" }, call), InvalidInput);
  assert.match((await keeper.create(wish, call)).secret, /^gm_w_/);
});

Deno.test("KeyKeeper.list() goes on where a page has ended", async () => {
  const { keeper } = open();
  const made = new Set<string>();
  for (let i = 0; i < 5; i++) {
    made.add((await keeper.create({ ...wish, studio: "pages" }, call)).id);
  }
  const seen = new Set<string>();
  let cursor = "";
  let pages = 0;
  do {
    const page = await keeper.list("pages", cursor, 2);
    for (const { id } of page.items) seen.add(id);
    cursor = page.next_cursor ?? "";
    pages++;
  } while (cursor !== "");
  assert.deepEqual([seen, pages], [made, 3]);
});
