/**
 * What every {@link Store} must do. Each adapter runs it in its own test file.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Fenced } from "../../schema/errors.ts";
import type { PlayerEvent } from "../../schema/event.ts";
import { fingerprintBigint, fingerprintHex } from "../../schema/hash.ts";
import type { CommitBatch, JournalRow, SnapshotPart, StageName, Store } from "./store.ts";

const second = 1000;
/** Arrival of offset 0 in these tests, milliseconds: the last second of a UTC day. */
export const midnight = Date.UTC(2026, 0, 31) - second;

let partitions = 0;

/** A shard of its own for each test, so that the tests can share a server. */
export function freshPartition(): number {
  return partitions++;
}

/** An event of `actorId` that came in `offset` seconds after {@link midnight}. */
export function journalRow(
  actorId: string,
  offset: number,
  change: Partial<PlayerEvent> = {},
): JournalRow {
  const slash = actorId.indexOf("/");
  const event: PlayerEvent = {
    studio: actorId.slice(0, slash),
    event_id: `e-${offset}`,
    event_type: "level.complete",
    user_id: actorId.slice(slash + 1),
    game_id: "demo",
    timestamp: midnight + offset * second - 1234,
    properties: { level: offset },
    context: {},
    ...change,
  };
  return {
    offset,
    receivedAt: midnight + offset * second,
    actorId,
    actorKey: fingerprintBigint(actorId),
    value: JSON.stringify(event),
  };
}

/** A snapshot part whose body tells its offset. */
export function snapshotPart(
  actorId: string,
  offset: number,
  part = "",
  body = JSON.stringify({ at: offset }),
): SnapshotPart {
  return { actorId, part, offset, version: 3, body, checksum: fingerprintHex(body) };
}

/** A batch that changes nothing but what `change` says. */
export function commitBatch(
  change:
    & Partial<CommitBatch>
    & Pick<CommitBatch, "partition" | "epoch" | "oldOffset" | "newOffset">,
): CommitBatch {
  return {
    stage: "player",
    rows: [],
    snapshots: [],
    outbox: [],
    timers: [],
    sources: {},
    emittedOffset: 0,
    ...change,
  };
}

/** One owner of one shard, who keeps count of where it is. */
class Owner {
  constructor(
    readonly store: Store,
    readonly stage: StageName,
    readonly partition: number,
    readonly epoch: number,
    public offset: number,
  ) {}

  static async take(store: Store, stage: StageName, partition: number): Promise<Owner> {
    const claim = await store.takeShard(stage, partition, "contract");
    return new Owner(store, stage, partition, claim.epoch, claim.nextOffset);
  }

  async commit(newOffset: number, change: Partial<CommitBatch> = {}): Promise<void> {
    const { stage, partition, epoch, offset: oldOffset } = this;
    await this.store.commit(
      commitBatch({ stage, partition, epoch, oldOffset, newOffset, ...change }),
    );
    this.offset = newOffset;
  }
}

/** Everything that can be seen of a shard. */
async function view(store: Store, stage: StageName, partition: number, ids: readonly string[]) {
  const { epoch: _, ...claim } = await store.takeShard(stage, partition, "view");
  return {
    claim,
    actors: await store.load(stage, partition, ids),
    timers: await store.dueTimers(stage, partition, Infinity, 1000),
  };
}

type ContractTest = (store: Store, partition: number) => Promise<void>;

const tests: Readonly<Record<string, ContractTest>> = {
  async "takeShard() begins at offset 0 and raises the epoch each time"(store, partition) {
    const first = await store.takeShard("player", partition, "a");
    assert.deepEqual(first, {
      epoch: first.epoch,
      nextOffset: 0,
      emittedOffset: 0,
      sources: {},
      outbox: [],
    });
    const second = await store.takeShard("player", partition, "b");
    assert.equal(second.epoch, first.epoch + 1);
  },

  async "commit() by a fenced owner throws Fenced and writes nothing"(store, partition) {
    const old = await Owner.take(store, "player", partition);
    await old.commit(1, { rows: [journalRow("s/a", 0)] });
    const heir = await Owner.take(store, "player", partition);
    assert.equal(heir.offset, 1);
    const before = await view(store, "player", partition, ["s/a", "s/b"]);
    await assert.rejects(old.commit(2, fullBatch(1)), Fenced);
    assert.deepEqual(await view(store, "player", partition, ["s/a", "s/b"]), before);
  },

  async "commit() at another offset throws Fenced and writes nothing"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(5, { rows: [journalRow("s/a", 3)] });
    for (const oldOffset of [0, 4, 6]) {
      const { epoch } = owner;
      const batch = commitBatch({ ...fullBatch(7), partition, epoch, oldOffset, newOffset: 9 });
      await assert.rejects(store.commit(batch), Fenced);
    }
    await owner.commit(6);
    const seen = await view(store, "player", partition, ["s/a", "s/b"]);
    assert.equal(seen.claim.nextOffset, 6);
    assert.deepEqual(seen.claim.outbox, []);
    assert.deepEqual(seen.timers, []);
    assert.deepEqual(seen.actors.map((actor) => [actor.actorId, actor.journal.length]), [
      ["s/a", 1],
    ]);
  },

  async "commit() of many at one offset lets exactly one through"(store, partition) {
    const { epoch } = await Owner.take(store, "player", partition);
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) =>
        store.commit(commitBatch({
          partition,
          epoch,
          oldOffset: 0,
          newOffset: 1,
          rows: [journalRow(`s/racer-${i}`, 0)],
        }))),
    );
    const refused = results.flatMap((r) => r.status === "rejected" ? [r.reason] : []);
    assert.equal(refused.length, 7);
    assert.ok(refused.every((error) => error instanceof Fenced));
    const ids = Array.from({ length: 8 }, (_, i) => `s/racer-${i}`);
    assert.equal((await store.load("player", partition, ids)).length, 1);
  },

  async "commit() moves everything of a batch"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(8, fullBatch(7));
    const seen = await view(store, "player", partition, ["s/b"]);
    assert.equal(seen.claim.nextOffset, 8);
    assert.deepEqual(seen.claim.sources, { "player/3": [7, 1] });
    assert.deepEqual(seen.claim.outbox, [{ endOffset: 8, records: fullBatch(7).outbox }]);
    assert.deepEqual(seen.timers, [{ actorId: "s/b", name: "silence", dueAt: midnight + 1 }]);
    assert.equal(seen.actors[0]!.journal.length, 1);
  },

  async "load() leaves out what the store has never seen"(store, partition) {
    assert.deepEqual(await store.load("player", partition, []), []);
    assert.deepEqual(await store.load("player", partition, ["s/nobody"]), []);
  },

  async "load() returns the snapshot and the journal after it, in order"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    // Across midnight, so across partitions of the journal.
    await owner.commit(3, { rows: [0, 1, 2].map((i) => journalRow("s/a", i)) });
    await owner.commit(5, {
      rows: [3, 4].map((i) => journalRow("s/a", i)),
      snapshots: [snapshotPart("s/a", 2), snapshotPart("s/only", 1)],
    });
    const actors = await store.load("player", partition, ["s/a", "s/a", "s/only", "s/none"]);
    const byId = new Map(actors.map((actor) => [actor.actorId, actor]));
    assert.equal(actors.length, 2);
    assert.deepEqual(byId.get("s/a")!.parts, [snapshotPart("s/a", 2)]);
    assert.deepEqual(
      byId.get("s/a")!.journal.map(({ offset, receivedAt }) => [offset, receivedAt]),
      [[3, midnight + 3 * second], [4, midnight + 4 * second]],
    );
    assert.deepEqual(byId.get("s/only"), {
      actorId: "s/only",
      parts: [snapshotPart("s/only", 1)],
      journal: [],
    });
  },

  async "load() returns events equal to what was written"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const rows = hostileRows();
    await owner.commit(rows.length, { rows });
    const ids = rows.map((row) => row.actorId);
    const actors = await store.load("player", partition, ids);
    const read = actors.flatMap((actor) =>
      actor.journal.map((event) => ({ actorId: actor.actorId, ...event }))
    ).sort((a, b) => a.offset - b.offset);
    assert.equal(read.length, rows.length);
    for (const [i, row] of rows.entries()) {
      assert.equal(read[i]!.actorId, row.actorId);
      assert.equal(read[i]!.receivedAt, row.receivedAt);
      assert.deepEqual(JSON.parse(read[i]!.value), JSON.parse(row.value));
      // A fold may depend on the order of keys, so a replay must see the same.
      const { properties } = JSON.parse(read[i]!.value);
      assert.equal(
        JSON.stringify(properties),
        JSON.stringify(JSON.parse(row.value).properties),
      );
    }
  },

  async "load() as of an offset ends there and skips later snapshots"(store, partition) {
    await sixRows(store, partition);
    const at = async (offset: number) => {
      const [actor] = await store.load("player", partition, ["s/a"], { offset });
      return actor && [actor.parts.map((p) => p.offset), actor.journal.map((e) => e.offset)];
    };
    assert.deepEqual(await at(1), [[], [0, 1]]);
    assert.deepEqual(await at(2), [[], [0, 1, 2]]);
    assert.deepEqual(await at(3), [[3], []]);
    assert.deepEqual(await at(4), [[3], [4]]);
    assert.deepEqual(await at(99), [[3], [4, 5]]);
    assert.equal((await store.load("player", partition, ["s/a"], { offset: -1 })).length, 0);
  },

  async "load() as of a time ends there and skips later snapshots"(store, partition) {
    await sixRows(store, partition);
    const at = async (receivedAt: number) => {
      const [actor] = await store.load("player", partition, ["s/a"], { receivedAt });
      return actor && [actor.parts.map((p) => p.offset), actor.journal.map((e) => e.offset)];
    };
    assert.equal(await at(midnight - 1), undefined);
    assert.deepEqual(await at(midnight + 2 * second), [[], [0, 1, 2]]);
    assert.deepEqual(await at(midnight + 3 * second - 1), [[], [0, 1, 2]]);
    assert.deepEqual(await at(midnight + 3 * second), [[3], []]);
    assert.deepEqual(await at(midnight + 5 * second), [[3], [4, 5]]);
  },

  async "load() returns every part of a game, newest version"(store, partition) {
    const owner = await Owner.take(store, "game", partition);
    const stage = "game";
    const big = JSON.stringify({ text: "é\"\\\n\t\u2028𝄞'".repeat(20_000) });
    await owner.commit(1, {
      stage,
      snapshots: [
        snapshotPart("s/g", 0),
        snapshotPart("s/g", 0, "day:2026-01-30"),
        snapshotPart("s/other", 0),
      ],
    });
    await owner.commit(2, {
      stage,
      snapshots: [
        snapshotPart("s/g", 1, "day:2026-01-30", "{}"),
        snapshotPart("s/g", 1, "day:2026-01-30"),
        snapshotPart("s/g", 1, "day:2026-01-31", big),
      ],
    });
    const [game, ...rest] = await store.load(stage, partition, ["s/g"]);
    assert.equal(rest.length, 0);
    assert.deepEqual(game!.journal, []);
    assert.deepEqual([...game!.parts].sort((a, b) => a.part < b.part ? -1 : 1), [
      snapshotPart("s/g", 0),
      snapshotPart("s/g", 1, "day:2026-01-30"),
      snapshotPart("s/g", 1, "day:2026-01-31", big),
    ]);
  },

  async "load() looks at no rows before the clean time, except as of"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const day = 86_400;
    await owner.commit(3 * day, { rows: [0, day, 2 * day].map((i) => journalRow("s/a", i)) });
    const offsets = async (asOf?: { offset: number }) =>
      (await store.load("player", partition, ["s/a"], asOf))[0]?.journal.map((e) => e.offset);
    assert.deepEqual(await offsets(), [0, day, 2 * day]);
    await owner.commit(3 * day + 1, { cleanAt: midnight + day * second });
    assert.deepEqual(await offsets(), [day, 2 * day]);
    // Left out or earlier: unchanged.
    await owner.commit(3 * day + 2);
    await owner.commit(3 * day + 3, { cleanAt: midnight });
    assert.deepEqual(await offsets(), [day, 2 * day]);
    assert.deepEqual(await offsets({ offset: 9 * day }), [0, day, 2 * day]);
  },

  async "behind() names the actors with rows after their snapshot"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const other = freshPartition();
    const neighbour = await Owner.take(store, "player", other);
    assert.deepEqual(await store.behind("player", partition), []);
    await owner.commit(6, {
      rows: ["s/a", "s/b", "s/c", "s/a", "s/b", "s/c"].map((id, i) => journalRow(id, i)),
      snapshots: [snapshotPart("s/a", 3), snapshotPart("s/b", 1)],
    });
    await neighbour.commit(1, { rows: [journalRow("s/elsewhere", 0)] });
    assert.deepEqual((await store.behind("player", partition)).sort(), ["s/b", "s/c"]);
    await owner.commit(7, { snapshots: [snapshotPart("s/b", 4), snapshotPart("s/c", 5)] });
    assert.deepEqual(await store.behind("player", partition), []);
    assert.deepEqual(await store.behind("game", partition), []);
  },

  async "dueTimers() returns what is due, oldest first, up to the limit"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(1, {
      timers: [
        { actorId: "s/a", name: "late", dueAt: midnight + 30 },
        { actorId: "s/b", name: "x", dueAt: midnight + 10 },
        { actorId: "s/a", name: "x", dueAt: midnight + 20 },
        { actorId: "s/c", name: "x", dueAt: midnight + 5 },
      ],
    });
    const due = async (now: number, limit = 10) =>
      (await store.dueTimers("player", partition, now, limit))
        .map((t) => [t.actorId, t.name, t.dueAt - midnight]);
    assert.deepEqual(await due(midnight + 4), []);
    assert.deepEqual(await due(midnight + 20), [["s/c", "x", 5], ["s/b", "x", 10], [
      "s/a",
      "x",
      20,
    ]]);
    assert.deepEqual(await due(midnight + 99, 1), [["s/c", "x", 5]]);
    assert.deepEqual(await store.dueTimers("game", partition, Infinity, 10), []);
    await owner.commit(2, {
      timers: [
        { actorId: "s/c", name: "x", dueAt: null },
        { actorId: "s/b", name: "x", dueAt: midnight + 40 },
        { actorId: "s/none", name: "x", dueAt: null },
        // Of several changes of one timer the last counts.
        { actorId: "s/d", name: "x", dueAt: midnight + 1 },
        { actorId: "s/d", name: "x", dueAt: null },
        { actorId: "s/e", name: "x", dueAt: null },
        { actorId: "s/e", name: "x", dueAt: midnight + 50 },
      ],
    });
    assert.deepEqual(await due(midnight + 99), [
      ["s/a", "x", 20],
      ["s/a", "late", 30],
      ["s/b", "x", 40],
      ["s/e", "x", 50],
    ]);
  },

  async "takeShard() with a held epoch refuses once another owner has taken the shard"(
    store,
    partition,
  ) {
    const { epoch } = await store.takeShard("player", partition, "a");
    const again = await store.takeShard("player", partition, "a", epoch);
    assert.equal(again.epoch, epoch + 1);
    // Its own take, whose answer it never got, is no other owner.
    await store.takeShard("player", partition, "a", epoch);
    await store.takeShard("player", partition, "b");
    await assert.rejects(store.takeShard("player", partition, "a", epoch + 2), Fenced);
  },

  async "takeShard() returns the outbox until it was emitted"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const record = (value: string) => ({
      topic: "game.deltas" as const,
      partition: 2,
      key: "player/0",
      value,
    });
    await owner.commit(1, { outbox: [record('{"a":"é\\"\'"}'), record("second")] });
    await owner.commit(2);
    await owner.commit(10, { outbox: [record("third")] });
    await owner.commit(11, { outbox: [record("fourth")], emittedOffset: 1 });
    const heir = await store.takeShard("player", partition, "heir");
    assert.equal(heir.emittedOffset, 1);
    assert.deepEqual(heir.outbox, [
      { endOffset: 10, records: [record("third")] },
      { endOffset: 11, records: [record("fourth")] },
    ]);
    const { epoch } = heir;
    await store.commit(
      commitBatch({ partition, epoch, oldOffset: 11, newOffset: 12, emittedOffset: 11 }),
    );
    assert.deepEqual((await store.takeShard("player", partition, "x")).outbox, []);
  },

  async "commit() merges source positions"(store, partition) {
    const owner = await Owner.take(store, "game", partition);
    await owner.commit(1, { sources: { "player/0": [10, 0], "player/1": [7, 2] } });
    await owner.commit(2, { sources: { "player/0": [12, 3] } });
    await owner.commit(3);
    assert.deepEqual((await store.takeShard("game", partition, "x")).sources, {
      "player/0": [12, 3],
      "player/1": [7, 2],
    });
  },

  async "stages and partitions do not see each other"(store, partition) {
    const other = freshPartition();
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(8, fullBatch(7));
    for (const [stage, p] of [["game", partition], ["player", other]] as const) {
      const seen = await view(store, stage, p, ["s/b"]);
      assert.deepEqual(seen, {
        claim: { nextOffset: 0, emittedOffset: 0, sources: {}, outbox: [] },
        actors: [],
        timers: [],
      });
    }
  },
};

/** A batch with something of everything, for actor `s/b` at `offset`. */
function fullBatch(offset: number) {
  return {
    rows: [journalRow("s/b", offset)],
    snapshots: [snapshotPart("s/b", offset - 1)],
    outbox: [{ topic: "game.deltas" as const, partition: 1, key: "player/1", value: "{}" }],
    timers: [{ actorId: "s/b", name: "silence", dueAt: midnight + 1 }],
    sources: { "player/3": [7, 1] as const },
  };
}

/** `s/a` with rows 0 to 5 and a snapshot at 3; `s/b` in between must not show up. */
async function sixRows(store: Store, partition: number): Promise<void> {
  const owner = await Owner.take(store, "player", partition);
  await owner.commit(6, {
    rows: [0, 1, 2, 3, 4, 5].map((i) => journalRow("s/a", i)),
    snapshots: [snapshotPart("s/a", 3)],
  });
  await owner.commit(7, { rows: [journalRow("s/b", 6)] });
}

/** Texts, numbers and shapes that have gone wrong somewhere. */
function hostileRows(): JournalRow[] {
  const texts = [
    `"`,
    `\\`,
    `a"b\\c'd`,
    `{}`,
    `{"o":1}`,
    `, "k": 1`,
    "é",
    "𝄞",
    "\u2028",
    "\u0001",
    "\t",
    "\x7f",
    "null",
    "NULL",
    "%s $1 :x",
    "a/b/c",
    "",
    " ",
    "ẞ-İ-ﬀ",
    "-- ;",
  ];
  return texts.map((text, i) =>
    journalRow(`s/${text}`, i, {
      event_id: text,
      game_id: text,
      event_type: i % 5 === 0 ? "$timer" : `t${text}`,
      ...(i % 2 === 0 ? { session_id: text } : {}),
      timestamp: midnight - i * 7_777_777_777 + i,
      properties: {
        [`z${text}`]: text,
        a: [0.1, 1e308, 5e-324, -1.5, 9007199254740991, 1e21, 0],
        [text]: { [text]: [null, true, false, {}, [], text] },
        10: 1,
        9: 2,
        b: -0.000001,
      },
      context: { [text]: text },
    })
  );
}

/** Runs the contract on the store that `open` gives; one store serves all tests. */
export function storeContract(name: string, open: () => Store | Promise<Store>): void {
  for (const [title, test] of Object.entries(tests)) {
    Deno.test(`${name} ${title}`, async () => await test(await open(), freshPartition()));
  }
}
