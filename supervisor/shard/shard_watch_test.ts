import assert from "node:assert/strict";
import { internalType, type PlayerEvent } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import type { Stage } from "./stage.ts";
import { away, silent } from "./testing/faults.ts";
import { type Running, ShardWorld } from "./testing/shard_world.ts";
import { addEvent, type Tally, tallyStage } from "./testing/tally.ts";

/** The tally that halts at poison, watches whom it is told to, and adds 1000 for each it loses. */
const watching: Stage = {
  ...tallyStage,
  behaviour: {
    ...tallyStage.behaviour,
    onPoison: "halt",
    receive(state: Tally & { seen?: string[] }, event: PlayerEvent, ctx) {
      const { event_type, event_id, properties } = event;
      if (event_type === internalType.down) {
        // Told twice, it counts once.
        state.seen ??= [];
        if (state.seen.includes(event_id)) return undefined;
        state.seen.push(event_id);
        state.sum += 1000;
        return [];
      }
      if (event_type !== "watch" && event_type !== "unwatch") {
        return tallyStage.behaviour.receive(state, event, ctx);
      }
      return [{ type: event_type, kind: "player", actorId: String(properties["whom"]) }];
    },
  },
};

const watches = (user: string, whom: string, type = "watch"): PlayerEvent => ({
  ...addEvent(user, 0, type),
  properties: { whom: `t/${whom}` },
});
const poison = (user: string) => addEvent(user, 9, "poison");
const sumOf = (r: Running, user: string) => r.shard.ask(`t/${user}`, "sum", 0);
const downs = (w: ShardWorld) =>
  w.records("player.events.raw").map(({ value }) => JSON.parse(value) as PlayerEvent)
    .filter(({ event_type }) => event_type === internalType.down);

/** Codes of the letters, one a message: what a dying process has published is published again. */
const codes = (w: ShardWorld) => [
  ...new Map(w.letters().map(({ actor, code }) => [actor!.position, code])).values(),
];

/** Past the next polls, and all they brought applied. */
async function told(w: ShardWorld, r: Running): Promise<void> {
  await w.clock.advance(3 * limits.timerPollMs);
  await w.settled(r);
}

Deno.test("Shard keeps who stands still over the process, with its letters, and does not try it again", async () => {
  const w = new ShardWorld();
  const first = w.start({ stage: watching });
  await w.send(addEvent("a", 1), poison("a"), addEvent("a", 10), addEvent("b", 2));
  await w.settled(first);
  await w.end("kill");

  const second = w.start({ stage: watching });
  await w.until(() => second.shard.halted().length > 0);
  const [mark] = second.shard.halted();
  assert.deepEqual([mark!.actorId, mark!.offset, mark!.letters], ["t/a", 1, 1]);
  await assert.rejects(sumOf(second, "a"), { name: "ActorHalted", reason: mark!.reason });
  await w.send(addEvent("a", 100), addEvent("b", 20));
  await w.settled(second);
  assert.equal(await sumOf(second, "b"), 22);
  assert.deepEqual(codes(w), ["poison", "actor_halted", "actor_halted"]);
  await w.stop(second);

  const third = w.start({ stage: watching });
  await w.until(() => third.shard.report().state === "running");
  assert.deepEqual(third.shard.halted(), [{ ...mark!, letters: 2 }]);
  let done: boolean | undefined;
  third.shard.restartActor("t/a").then((is) => done = is);
  await w.until(() => done !== undefined);
  assert.deepEqual([done, await sumOf(third, "a")], [true, 1]);
  await w.end("kill");

  const fourth = w.start({ stage: watching });
  await w.until(() => fourth.shard.report().state === "running");
  assert.deepEqual([fourth.shard.halted(), await sumOf(fourth, "a")], [[], 1]);
  await w.end();
});

Deno.test("Shard counts letters once when the commit that carries them is taken again", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: watching });
  await w.send(poison("a"));
  await w.settled(r);
  for (const isAfter of [false, true]) {
    w.faults.fail("commit", silent(isAfter));
    await w.send(addEvent("a", 1));
    await w.settled(r);
  }
  assert.equal(r.retaken.length, 2);
  assert.deepEqual(codes(w), ["poison", "actor_halted", "actor_halted"]);
  assert.equal(r.shard.halted()[0]!.letters, 2);
  await w.end();
});

Deno.test("Shard tells who watches that an actor stands still, once, through the log", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: watching });
  await w.send(watches("w", "a"), watches("x", "a"), watches("x", "a", "unwatch"));
  await w.settled(r);
  await told(w, r);
  assert.deepEqual(downs(w), []);
  await w.send(poison("a"));
  await told(w, r);
  const [down, ...others] = downs(w);
  const { reason, since } = r.shard.halted()[0]!;
  assert.equal(others.length, 0, "x watches no longer");
  assert.deepEqual([down!.user_id, down!.event_id], ["w", "player/t/a@0"]);
  assert.deepEqual(down!.properties, { kind: "player", actor_id: "t/a", reason, since });
  assert.equal(await sumOf(r, "w"), 1000);
  await told(w, r);
  assert.equal(downs(w).length, 1, "the watch is over");
  // Who watches one that stands still already is told at once.
  await w.send(watches("w", "a"));
  await told(w, r);
  assert.equal(await sumOf(r, "w"), 2000);
  assert.ok(w.store.rows("player", 0).some(({ value }) => value.includes("$down")), "journalled");
  await w.end();
});

Deno.test("Shard tells a watcher once, whatever fails on the way, and whoever owns the shard", async () => {
  const faults = [
    ["downWatches", away()],
    ["append", silent(true, "log")],
    ["endWatches", away()],
    ["endWatches", silent(true)],
  ] as const;
  for (const [call, fault] of faults) {
    const w = new ShardWorld();
    const first = w.start({ stage: watching });
    await w.send(watches("w", "a"));
    await w.settled(first);
    w.faults.fail(call, fault);
    await w.send(poison("a"));
    await told(w, first);
    assert.equal(await sumOf(first, "w"), 1000, call);
    await w.end("kill");
    const second = w.start({ stage: watching });
    await w.until(() => second.shard.report().state === "running");
    await told(w, second);
    assert.equal(await sumOf(second, "w"), 1000, call);
    await w.end();
  }
});

Deno.test("Shard tells of a watch again that its process died in the middle of telling, with the same id", async () => {
  const w = new ShardWorld();
  const first = w.start({ stage: watching });
  await w.send(watches("w", "a"));
  await w.settled(first);
  w.faults.fail("endWatches", away(), away(), away());
  await w.send(poison("a"));
  await w.until(() => downs(w).length === 1);
  await w.end("kill");
  assert.equal((await w.store.downWatches("player", 0, 9)).length, 1, "it is not over");
  const second = w.start({ stage: watching });
  await w.until(() => second.shard.report().state === "running");
  await told(w, second);
  const ids = downs(w).map(({ event_id }) => event_id);
  assert.deepEqual(ids, ["player/t/a@0", "player/t/a@0"]);
  assert.equal(await sumOf(second, "w"), 1000);
  await w.end();
});

Deno.test("Shard asks for nobody's end while nobody in it watches", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: watching });
  await w.send(addEvent("a", 1), poison("a"));
  await told(w, r);
  assert.equal(w.faults.count("downWatches"), 0);
  await w.end();
});
