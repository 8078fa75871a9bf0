import assert from "node:assert/strict";
import type { Part } from "../../../actors/kernel/behaviour.ts";
import { fingerprintHex } from "../../../schema/hash.ts";
import type { SnapshotPart } from "../../store/store.ts";
import type { AnyBehaviour } from "../stage.ts";
import { addEvent, type Tally, tallyStage } from "../testing/tally.ts";
import { restoreActor, restoreSnapshot } from "./restore_actor.ts";

const tally = tallyStage.behaviour;

const part = (body: string, version = 5, name = "", offset = 7): SnapshotPart => ({
  actorId: "t/a",
  part: name,
  offset,
  version,
  body,
  checksum: fingerprintHex(body),
  hash: "0",
});
const good = part('{"sum":3,"offsets":[1]}');

/** Version 5 of the tally, which once was called `total`, and before that a bare number. */
const upcasting: AnyBehaviour = {
  ...tally,
  upcast: {
    3: ([main]) => [{ part: "", body: JSON.stringify({ total: Number(main!.body) }) }],
    4: (parts) =>
      parts.map(({ part, body }) => {
        const { total } = JSON.parse(body);
        return { part, body: JSON.stringify({ sum: total, offsets: [] }) };
      }),
  },
};

Deno.test("restoreSnapshot() gives the state of a good snapshot", () => {
  assert.deepEqual(restoreSnapshot(tally, "t/a", [good]), { sum: 3, offsets: [1] });
});

Deno.test("restoreSnapshot() notices each single bit that is flipped, and each cut", () => {
  const bytes = new TextEncoder().encode(good.body);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const body = new TextDecoder().decode(flipped);
    assert.throws(() => restoreSnapshot(tally, "t/a", [{ ...good, body }]), {
      name: "SnapshotDistrusted",
      reason: "checksum",
    }, `bit ${bit}`);
  }
  for (let length = 0; length < good.body.length; length++) {
    const body = good.body.slice(0, length);
    assert.throws(() => restoreSnapshot(tally, "t/a", [{ ...good, body }]), { reason: "checksum" });
  }
});

Deno.test("restoreSnapshot() distrusts what is newer than the code, and what nothing lifts", () => {
  assert.throws(() => restoreSnapshot(tally, "t/a", [part(good.body, 6)]), {
    reason: "newer_version",
    message: "part '' is of version 6, the code of 5",
  });
  assert.throws(() => restoreSnapshot(tally, "t/a", [part(good.body, 4)]), {
    reason: "older_version",
    message: "nothing lifts version 4 to 5",
  });
  const half = { ...upcasting, upcast: { 3: upcasting.upcast![3]! } };
  assert.throws(() => restoreSnapshot(half, "t/a", [part("12", 3)]), { reason: "older_version" });
});

Deno.test("restoreSnapshot() lifts old versions, one after the other", () => {
  const lifted = (body: string, version: number) =>
    restoreSnapshot(upcasting, "t/a", [part(body, version)]);
  assert.deepEqual(lifted("12", 3), { sum: 12, offsets: [] });
  assert.deepEqual(lifted('{"total":4}', 4), { sum: 4, offsets: [] });
  assert.deepEqual(lifted(good.body, 5), { sum: 3, offsets: [1] }, "the present one as it is");
  assert.throws(() => lifted("{", 4), { reason: "undecodable" }, "the lifting throws");
});

Deno.test("restoreSnapshot() lifts each part from the version that wrote it", () => {
  const mark = (parts: readonly Part[], by: string) =>
    parts.map(({ part, body }) => ({ part, body: body + by }));
  let restored: readonly Part[] = [];
  const behaviour: AnyBehaviour = {
    ...tally,
    upcast: {
      // Version 4 brought the part `sum`, which some have written anew since.
      3: (parts) => [...mark(parts, "+3"), { part: "sum", body: "made" }],
      4: (parts) => mark(parts, "+4"),
    },
    restore: (_id, parts) => {
      restored = parts;
      return {};
    },
  };
  const parts = [part("m", 3), part("d", 4, "day"), part("s", 4, "sum"), part("b", 5, "board")];
  restoreSnapshot(behaviour, "t/a", parts);
  const bodies = Object.fromEntries(restored.map(({ part, body }) => [part, body]));
  assert.deepEqual(bodies, { "": "m+3+4", day: "d+4", sum: "s+4", board: "b" });
});

Deno.test("restoreSnapshot() distrusts a snapshot without its main part, or that does not decode", () => {
  assert.throws(() => restoreSnapshot(tally, "t/a", [part("{}", 5, "day")]), {
    reason: "missing_part",
  });
  assert.throws(() => restoreSnapshot(tally, "t/a", [part("{")]), { reason: "undecodable" });
});

Deno.test("restoreSnapshot() that is told to trust takes what is wrong: the drill's broken promise", () => {
  const damaged = { ...good, body: '{"sum":2,"offsets":[1]}', version: 1 };
  assert.deepEqual(restoreSnapshot(tally, "t/a", [damaged], true), { sum: 2, offsets: [1] });
});

const row = (offset: number, n: number, type = "add") => ({
  offset,
  receivedAt: 1000 + offset,
  value: JSON.stringify(addEvent("a", n, type)),
});

Deno.test("restoreActor() applies the journal on top of the snapshot", () => {
  const { state, ...rest } = restoreActor(tallyStage, 0, {
    actorId: "t/a",
    parts: [good],
    journal: [row(8, 10), row(9, 100)],
  });
  assert.equal((state as Tally).sum, 113);
  assert.deepEqual(rest, { offset: 9, snapshotOffset: 7, rowsBehind: 2, behindSince: 1008 });
});

Deno.test("restoreActor() names the offset at which the replay throws", () => {
  const actor = { actorId: "t/a", parts: [], journal: [row(0, 1), row(4, 1, "poison")] };
  assert.throws(() => restoreActor(tallyStage, 0, actor), {
    name: "ReplayFailed",
    offset: 4,
    message: "replay of offset 4 failed: told to",
  });
});
