import assert from "node:assert/strict";
import type { Behaviour } from "../../actors/kernel/behaviour.ts";
import type { JournalRow } from "../store/store.ts";
import { commitBatch, journalRow } from "../store/contract/fixtures.ts";
import { gameStage, playerStage } from "../shard/stages.ts";
import { CostLedger } from "./cost_ledger.ts";

/** A ledger at a time that the test sets, whose samples lie in the middle. */
function open(options: { windowMs?: number; capacity?: number } = {}) {
  const time = { now: 0 };
  const ledger = new CostLedger({ now: () => time.now, random: () => 0.5, ...options });
  return { ledger, time };
}

function rowsOf(ids: readonly string[]): JournalRow[] {
  return ids.map((id, i) => journalRow(id, i));
}

function commitOf(rows: readonly JournalRow[]) {
  return commitBatch({ partition: 0, epoch: 1, oldOffset: 0, newOffset: rows.length, rows });
}

const spin = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** A behaviour that takes as long as its message says, and has as many effects. */
function costly(durability: "journal" | "snapshot") {
  const receive = (_: unknown, { ms, effects }: { ms: number; effects: number }) => {
    spin(ms);
    return Array.from({ length: effects }, () => ({ type: "timer", name: "t", dueAt: null }));
  };
  return { ...playerStage().behaviour, durability, receive } as Behaviour<unknown, unknown>;
}

Deno.test("CostLedger.committed() counts the events of a short commit one by one", () => {
  const { ledger } = open();
  const rows = rowsOf(["demo/a", "demo/b", "demo/a"]);
  ledger.committed(commitOf(rows));
  const { total, items } = ledger.top("events", 10);
  assert.deepEqual([total, items.map(({ id, cost }) => [id, cost.events])], [3, [
    ["demo/a", 2],
    ["demo/b", 1],
  ]]);
  const bytes = rows[0]!.value.length + rows[2]!.value.length;
  assert.equal(ledger.of("demo/a").eventBytes, bytes);
});

Deno.test("CostLedger.committed() finds the hot one of a long commit, about as hot as it is", () => {
  const { ledger } = open();
  for (let commit = 0; commit < 50; commit++) {
    // Every third event is of the hot one, all others are of somebody new.
    const ids = Array.from(
      { length: 2000 },
      (_, i) => i % 3 === 0 ? "demo/hot" : `demo/${commit}-${i}`,
    );
    ledger.committed(commitOf(rowsOf(ids)));
  }
  const { total, items } = ledger.top("events", 1);
  assert.equal(total, 100_000);
  assert.equal(items[0]!.id, "demo/hot");
  const { events } = items[0]!.cost;
  assert.ok(Math.abs(events - 33_350) < 3335, `33350 events are shown as ${events}`);
});

Deno.test("CostLedger forgets what is older than two windows", () => {
  const { ledger, time } = open({ windowMs: 1000 });
  const commit = (id: string) => ledger.committed(commitOf(rowsOf([id])));
  commit("demo/old");
  time.now = 1000;
  commit("demo/new");
  assert.deepEqual(ledger.top("events", 9).items.map(({ id }) => id), ["demo/new", "demo/old"]);
  assert.equal(ledger.of("demo/old").since, 0);
  time.now = 2000;
  commit("demo/new");
  assert.deepEqual(ledger.top("events", 9).items.map(({ id }) => id), ["demo/new"]);
  assert.deepEqual([ledger.of("demo/new").events, ledger.of("demo/old").events], [2, 0]);
  assert.equal(ledger.of("demo/new").since, 1000);
});

Deno.test("CostLedger.timed() finds whose messages take the processor's time", () => {
  const { ledger } = open();
  const { behaviour } = ledger.timed(playerStage(costly("journal")));
  const ctx = { now: 0, partition: 0, offset: 0 };
  for (let i = 0; i < 1500; i++) {
    const [actorId, message] = i % 4 === 0
      ? ["demo/slow", { ms: 0.2, effects: 3 }]
      : [`demo/${i % 7}`, { ms: 0, effects: 0 }];
    behaviour.receive(undefined, message, { ...ctx, actorId });
  }
  const { total, items } = ledger.top("cpuUs", 3);
  assert.equal(items[0]!.id, "demo/slow");
  assert.ok(items[0]!.cost.cpuUs > 0.6 * total, `${items[0]!.cost.cpuUs} of ${total} µs`);
  assert.ok(items[0]!.cost.effects > 300, `375 × 3 effects, sampled: ${items[0]!.cost.effects}`);
  assert.deepEqual(items.slice(1).map(({ cost }) => cost.effects), [0, 0]);
});

Deno.test("CostLedger.timed() counts each message of an actor without rows", () => {
  const { ledger } = open();
  const { behaviour } = ledger.timed(gameStage(costly("snapshot")));
  for (const actorId of ["demo/g", "demo/g", "demo/h"]) {
    const message = { ms: 0, effects: 2 };
    behaviour.receive(undefined, message, { actorId, now: 0, partition: 0, offset: 0 });
  }
  const { events, effects } = ledger.of("demo/g");
  assert.deepEqual([events, effects], [2, 4]);
});

Deno.test("CostLedger.timed() passes results and throws on", () => {
  const { ledger } = open();
  const error = new TypeError("broken");
  const stage = gameStage({
    ...gameStage().behaviour,
    receive: (_state, message) => {
      if (message === "throw") throw error;
      return undefined;
    },
  });
  const { behaviour } = ledger.timed(stage);
  const ctx = { actorId: "demo/g", now: 0, partition: 0, offset: 0 };
  assert.equal(behaviour.receive({}, "", ctx), undefined);
  assert.throws(() => behaviour.receive({}, "throw", ctx), error);
});
