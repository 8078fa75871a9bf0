import assert from "node:assert/strict";
import {
  decodeActors,
  decodeOutbox,
  encodeOutbox,
  encodeSnapshots,
  encodeTimers,
} from "./postgres_rows.ts";
import { snapshotPart } from "./contract/fixtures.ts";

Deno.test("encode functions return null for nothing, so that nothing is done", () => {
  for (const encode of [encodeSnapshots, encodeTimers, encodeOutbox]) {
    assert.equal(encode([]), null);
  }
});

Deno.test("encodeSnapshots() and encodeTimers() keep the last of each", () => {
  const parts = [snapshotPart("s/a", 1), snapshotPart("s/a", 1, "day:x"), snapshotPart("s/a", 2)];
  const encoded = JSON.parse(encodeSnapshots(parts)!);
  assert.deepEqual(encoded.map((part: { p: string; o: number }) => [part.p, part.o]), [
    ["", 2],
    ["day:x", 1],
  ]);
  const change = (actorId: string, name: string, dueAt: number | null) => ({
    actorId,
    name,
    dueAt,
  });
  const timers = [change("s/a", "x", 1), change("s/a", "y", 2), change("s/a", "x", null)];
  assert.deepEqual(JSON.parse(encodeTimers(timers)!), [
    { a: "s/a", n: "x", d: null },
    { a: "s/a", n: "y", d: 2 },
  ]);
});

Deno.test("decodeOutbox() returns the records that encodeOutbox() was given", () => {
  const record = { topic: "game.deltas" as const, partition: 3, key: "k", value: `{"é":"\\""}` };
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const records = [record, { ...record, trace }];
  assert.deepEqual(decodeOutbox(JSON.stringify([[9, encodeOutbox(records)]])), [
    { endOffset: 9, records },
  ]);
  assert.deepEqual(decodeOutbox(null), []);
});

Deno.test("decodeActors() groups parts and puts the journal in order", () => {
  const event = (actor_id: string, offset: number) => ({
    actor_id,
    part: null,
    offset,
    number: offset * 10,
    checksum: null,
    hash: null,
    text: `{"n":${offset}}`,
  });
  const part = {
    actor_id: "s/b",
    part: "",
    offset: 1,
    number: 2,
    checksum: "c",
    hash: "-7",
    text: "{}",
  };
  assert.deepEqual(decodeActors([part, event("s/a", 5), event("s/b", 3), event("s/a", 4)]), [
    {
      actorId: "s/b",
      parts: [{
        actorId: "s/b",
        part: "",
        offset: 1,
        version: 2,
        body: "{}",
        checksum: "c",
        hash: "-7",
      }],
      journal: [{ offset: 3, receivedAt: 30, value: `{"n":3}` }],
    },
    {
      actorId: "s/a",
      parts: [],
      journal: [
        { offset: 4, receivedAt: 40, value: `{"n":4}` },
        { offset: 5, receivedAt: 50, value: `{"n":5}` },
      ],
    },
  ]);
});
