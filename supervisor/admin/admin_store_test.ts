import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "../store/embedded/testing_server.ts";
import type { AuditRow } from "./admin_platform.ts";
import { AdminStore } from "./admin_store.ts";
import type { LetterName } from "./dlq/letter_marks.ts";

let server: TestingServer;
let store: AdminStore;

Deno.test.beforeAll(async () => {
  server = await startTestingServer();
  store = new AdminStore(server.url);
});

Deno.test.afterAll(async () => {
  await store.close();
  await stopTestingServer(server);
});

const row = (n: number): AuditRow => ({
  at: new Date(Date.UTC(2026, 0, 1) + n).toISOString(),
  call: crypto.randomUUID(),
  method: "POST",
  target: `/admin/dlq/0:${n}/replay?x='"ü`,
  status: 202,
  duration_ms: 1.5,
  remote: n % 2 === 0 ? "127.0.0.1" : null,
});

Deno.test("AdminStore keeps the audit trail, newest first, page by page, each entry once", async () => {
  const rows = Array.from({ length: 7 }, (_, n) => row(n));
  await store.writeAudit(rows.slice(0, 4));
  // A batch of unknown outcome is written again.
  await store.writeAudit(rows.slice(2));
  const first = await store.readAudit(undefined, 3);
  const second = await store.readAudit(Number(first.next_cursor), 3);
  const third = await store.readAudit(Number(second.next_cursor), 3);
  assert.equal(third.next_cursor, null);
  assert.deepEqual(
    [first, second, third].flatMap(({ items }) => items),
    rows.toReversed(),
  );
  await store.dropAudit(Date.UTC(2026, 0, 1) + 5);
  assert.deepEqual((await store.readAudit(undefined, 9)).items, rows.slice(5).toReversed());
});

Deno.test("AdminStore keeps what becomes of letters", async () => {
  const name = (offset: number, parkedAt = 1_760_000_000_123): LetterName => ({
    partition: 2,
    offset,
    parkedAt,
  });
  const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
  await store.discard(name(1), a);
  await store.discard(name(1), b);
  await store.replayed([name(2), name(3)], a);
  await store.replayed([name(3)], a);
  await store.replayed([name(3)], b);
  const names = [name(3), name(0), name(1), name(2), name(1, 1_760_000_000_124)];
  const marks = await store.marksOf(names);
  const seen = marks.map((mark) => [
    mark?.discarded?.call,
    mark?.replayed?.call,
    mark?.replayed?.times,
  ]);
  assert.deepEqual(seen, [
    [undefined, b, 2],
    [undefined, undefined, undefined],
    [a, undefined, undefined],
    [undefined, a, 1],
    [undefined, undefined, undefined],
  ]);
  assert.ok(Math.abs(Date.parse(marks[2]!.discarded!.at) - Date.now()) < 60_000);
  await store.forget(2, 3);
  assert.deepEqual((await store.marksOf(names)).map((mark) => mark !== undefined), [
    true,
    false,
    false,
    false,
    false,
  ]);
  assert.deepEqual(await store.marksOf([]), []);
});

Deno.test("AdminStore is Unavailable when the store is away", async () => {
  const away = new AdminStore("postgres://x:y@127.0.0.1:1/z");
  await assert.rejects(away.readAudit(undefined, 1), Unavailable);
  await away.close();
});
