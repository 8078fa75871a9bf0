/**
 * Every call of a run to log and store fails once, in every way it can: the outcome is always that of
 * a run without faults.
 */
import assert from "node:assert/strict";
import { away, silent } from "./testing/faults.ts";
import { ids, sweep, undisturbed } from "./testing/recovery.ts";

const expected = await undisturbed();

const isWrite = (name: string) => name === "commit" || name === "append";

Deno.test("Shard's outcome without faults is the one written here", () => {
  assert.deepEqual(expected.journal, ids);
  assert.equal(expected.timers, 2);
  const [g, h] = expected.games;
  assert.deepEqual([g!.eventsTotal, g!.ccu, g!.revenueMinor], [7, 2, { USD: 300 }]);
  assert.deepEqual([h!.eventsTotal, h!.ccu], [1, 0]);
  const days = { dau: g!.today.dau, sessions: g!.today.sessions, players: g!.today.newPlayers };
  assert.deepEqual(days, { dau: 2, sessions: 4, players: 2 });
  const [ann, bob] = expected.players as { eventsTotal: number; sessionsTotal: number }[];
  assert.deepEqual([ann!.eventsTotal, ann!.sessionsTotal], [4, 2]);
  assert.deepEqual([bob!.eventsTotal, bob!.sessionsTotal], [4, 3]);
});

Deno.test("Shard recovers from a kill before the effect of any of its calls", async () => {
  const runs = await sweep(expected, () => "dead");
  assert.ok(runs.length > 40, `${runs.length}`);
  for (const lives of runs) assert.deepEqual([lives.deaths, lives.failed()], [1, []]);
});

Deno.test("Shard recovers from a kill after the effect of any of its calls", async () => {
  const runs = await sweep(expected, () => "deadAfter");
  assert.ok(runs.length > 40, `${runs.length}`);
});

Deno.test("Shard waits and goes on when any of its calls finds its resource away", async () => {
  const runs = await sweep(expected, (name) => name === "trim" ? undefined : away());
  assert.ok(runs.length > 40, `${runs.length}`);
  for (const lives of runs) assert.deepEqual(lives.failed(), []);
});

Deno.test("Shard counts nothing twice when a write takes effect and its answer is lost", async () => {
  const runs = await sweep(expected, (name) => isWrite(name) ? silent(true) : undefined);
  assert.ok(runs.length >= 10, `${runs.length}`);
  assert.ok(runs.some((lives) => lives.retakes === 1) && runs.some((lives) => lives.retakes === 0));
  for (const lives of runs) assert.deepEqual(lives.failed(), []);
});

Deno.test("Shard loses nothing when a write has no effect and its answer is lost", async () => {
  const runs = await sweep(expected, (name) => isWrite(name) ? silent(false) : undefined);
  assert.ok(runs.length >= 10, `${runs.length}`);
  for (const lives of runs) assert.deepEqual(lives.failed(), []);
});
