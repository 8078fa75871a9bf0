import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import type { AuditRow } from "./admin_platform.ts";
import { type AuditRows, AuditTrail } from "./audit_trail.ts";

const row = (n: number): AuditRow => ({
  at: "2026-01-01T00:00:00.000Z",
  call: String(n),
  method: "GET",
  target: "/admin/tree",
  status: 200,
  duration_ms: 1,
  remote: null,
});

function open(waitingMax?: number) {
  const batches: string[][] = [];
  const dropped: number[] = [];
  const state = { isAway: false, lost: 0, now: 0, gate: Promise.resolve() };
  const rows: AuditRows = {
    writeAudit: async (written) => {
      await state.gate;
      if (state.isAway) throw new Unavailable("store", "away");
      batches.push(written.map(({ call }) => call));
    },
    readAudit: () => Promise.resolve({ items: [], next_cursor: null }),
    dropAudit: (before) => Promise.resolve(void dropped.push(before)),
  };
  const trail = new AuditTrail({
    rows: () => rows,
    onDropped: (n) => state.lost += n,
    now: () => state.now,
    ...(waitingMax === undefined ? {} : { waitingMax }),
  });
  return { trail, batches, dropped, state };
}

Deno.test("AuditTrail writes entries in batches, each once, in order", async () => {
  const { trail, batches } = open();
  for (let i = 0; i < 450; i++) trail.record(row(i));
  await Promise.all([trail.flush(), trail.flush()]);
  assert.deepEqual(batches.map((batch) => batch.length), [200, 200, 50]);
  assert.deepEqual(batches.flat(), Array.from({ length: 450 }, (_, i) => String(i)));
  assert.equal(trail.waiting, 0);
});

Deno.test("AuditTrail keeps entries while the store is away, up to its bound, and counts the rest", async () => {
  const { trail, batches, state } = open(3);
  state.isAway = true;
  for (let i = 0; i < 5; i++) trail.record(row(i));
  await assert.rejects(trail.flush(), Unavailable);
  await trail.tend();
  assert.deepEqual([trail.waiting, state.lost], [3, 2]);
  state.isAway = false;
  await trail.tend();
  assert.deepEqual(batches, [["0", "1", "2"]]);
});

Deno.test("AuditTrail.record() waits for nothing, and what comes during a write is written next", async () => {
  const { trail, batches, state } = open();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  trail.record(row(1));
  const flushed = trail.flush();
  trail.record(row(2));
  gate.resolve();
  await flushed;
  assert.deepEqual(batches, [["1"], ["2"]]);
});

Deno.test("AuditTrail.tend() drops what is older than 90 days, once an hour", async () => {
  const { trail, dropped, state } = open();
  state.now = 100 * 86_400_000;
  await trail.tend();
  state.now += 3_599_000;
  await trail.tend();
  assert.deepEqual(dropped, [10 * 86_400_000]);
  state.now += 1000;
  await trail.tend();
  assert.equal(dropped.length, 2);
});

Deno.test("AuditTrail waits for a store that is starting", async () => {
  const trail = new AuditTrail({ rows: () => undefined, onDropped: () => {}, now: () => 0 });
  trail.record(row(1));
  await trail.tend();
  assert.equal(trail.waiting, 1);
});
