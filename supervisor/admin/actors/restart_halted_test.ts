import assert from "node:assert/strict";
import { ActorHalted, Unavailable } from "../../../schema/errors.ts";
import type { ActorKind } from "../../platform.ts";
import { ShardWorld } from "../../shard/testing/shard_world.ts";
import { addEvent, tallyStage, tallyThrowsFor } from "../../shard/testing/tally.ts";
import type { HaltedRow } from "../admin_platform.ts";
import { restartHalted } from "./restart_halted.ts";

const row = (id: string, sinceMs: number, kind: ActorKind = "player"): HaltedRow => ({
  kind,
  id,
  partition: 0,
  node: "node-a",
  worker: "worker-1",
  reason: `${id} throws`,
  since: new Date(sinceMs).toISOString(),
  position: null,
  dead_letters: 0,
});

/** Halted actors, restarted by `act`; each restart takes `takesMs`. */
function open(
  rows: readonly HaltedRow[],
  act: (id: string) => boolean | Error = () => true,
  takesMs = 0,
) {
  let nowMs = 1000;
  let underWay = 0;
  const seen = { tried: [] as string[], atOnce: 0 };
  const platform = {
    halted: () => Promise.resolve(rows),
    async actActor(kind: ActorKind, id: string, action: string) {
      seen.tried.push(`${action} ${kind} ${id}`);
      seen.atOnce = Math.max(seen.atOnce, ++underWay);
      await Promise.resolve();
      underWay--;
      nowMs += takesMs;
      const done = act(id);
      if (done instanceof Error) throw done;
      return done;
    },
  };
  const restart = (options: { kind?: ActorKind; limit?: number; dryRun?: boolean } = {}) =>
    restartHalted(
      platform,
      { kind: undefined, limit: 100, dryRun: false, ...options },
      () => nowMs,
    );
  return { restart, seen };
}

Deno.test("restartHalted() restarts all, who has stood still for longest first, a few at once", async () => {
  const rows = Array.from({ length: 10 }, (_, i) => row(`st/${i}`, 100 - i));
  const { restart, seen } = open(rows);
  const done = await restart();
  assert.deepEqual([done.restarted, done.left, done.items.length], [10, 0, 10]);
  assert.deepEqual(done.items[0], {
    kind: "player",
    id: "st/9",
    reason: "st/9 throws",
    since: "1970-01-01T00:00:00.091Z",
    restarted: true,
    error: null,
  });
  assert.deepEqual(seen.tried, rows.map(({ id }) => `restart player ${id}`).toReversed());
  assert.equal(seen.atOnce, 4);
});

Deno.test("restartHalted() takes those of a kind, up to its limit, and tells how many are left", async () => {
  const rows = [row("st/a", 1), row("st/g", 2, "game"), row("st/b", 3), row("st/c", 3)];
  const { restart, seen } = open(rows);
  const done = await restart({ kind: "player", limit: 2 });
  assert.deepEqual([done.items.map(({ id }) => id), done.left], [["st/a", "st/b"], 1]);
  await restart({ kind: "game" });
  assert.deepEqual(seen.tried.slice(2), ["restart game st/g"]);
});

Deno.test("restartHalted() as a dry run tells whom it would restart, and touches nobody", async () => {
  const { restart, seen } = open([row("st/b", 2), row("st/a", 1), row("st/c", 3)]);
  const done = await restart({ dryRun: true, limit: 2 });
  const found = done.items.map(({ id, restarted }) => [id, restarted]);
  assert.deepEqual(found, [["st/a", null], ["st/b", null]]);
  assert.deepEqual([done.dry_run, done.restarted, done.left, seen.tried], [true, 0, 1, []]);
});

Deno.test("restartHalted() goes on where one halts again or its shard is away; our own faults end it", async () => {
  const acts: Record<string, boolean | Error> = {
    "st/a": false,
    "st/b": new Unavailable("shard", "nobody serves it"),
    "st/c": new ActorHalted("st/c", "it throws"),
    "st/d": true,
  };
  const rows = Object.keys(acts).map((id, i) => row(id, i));
  const { items, restarted } = await open(rows, (id) => acts[id]!).restart();
  assert.deepEqual(items.map(({ restarted, error }) => [restarted, error]), [
    [false, null],
    [false, "unavailable"],
    [false, "actor_halted"],
    [true, null],
  ]);
  assert.equal(restarted, 1);
  const broken = open(rows, () => new TypeError("x is not a function"));
  await assert.rejects(broken.restart(), TypeError);
});

Deno.test("restartHalted() begins no more once 20 s are over", async () => {
  const rows = Array.from({ length: 12 }, (_, i) => row(`st/${i}`, i));
  const { restart, seen } = open(rows, () => true, 3000);
  const done = await restart();
  assert.deepEqual([done.restarted, done.left, seen.tried.length], [8, 4, 8]);
});

Deno.test("restartHalted() of a real shard: halts again while the code is the same, runs once it is mended", async () => {
  const world = new ShardWorld();
  const first = world.start({ stage: tallyStage });
  await world.send(addEvent("a", 1), addEvent("b", 5));
  await world.settled(first);
  first.kill.abort();
  await world.until(() => first.end !== undefined);
  tallyThrowsFor("a");
  try {
    const running = world.start({ stage: tallyStage });
    const { shard } = running;
    await world.send(addEvent("a", 10), addEvent("b", 50));
    await world.settled(running);
    const platform = {
      halted: () =>
        Promise.resolve(
          shard.halted().map(({ actorId, since, reason }): HaltedRow => ({
            ...row(actorId, since),
            reason,
          })),
        ),
      actActor: (_kind: ActorKind, id: string) => shard.restartActor(id),
    };
    const restart = async () => {
      const options = { kind: undefined, limit: 10, dryRun: false };
      const call = restartHalted(platform, options, () => world.clock.now());
      let isDone = false;
      call.finally(() => isDone = true);
      await world.until(() => isDone);
      return await call;
    };
    const again = await restart();
    assert.deepEqual([again.restarted, again.items.map(({ id }) => id)], [0, ["t/a"]]);
    assert.equal(shard.halted().length, 1);
    tallyThrowsFor(undefined);
    assert.equal((await restart()).restarted, 1);
    assert.deepEqual([shard.halted(), (await restart()).items], [[], []]);
    assert.equal(await shard.ask("t/a", "sum", 0), 1);
  } finally {
    tallyThrowsFor(undefined);
  }
  await world.end();
});
