import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { type Running, ShardWorld } from "../shard/testing/shard_world.ts";
import { addEvent, tallyGameStage, tallyStage } from "../shard/testing/tally.ts";
import { recentEffects } from "./recent_effects.ts";

const ask = (w: ShardWorld, { shard }: Running, offset = Infinity) => {
  const { stage, partition } = shard.options;
  return recentEffects({ stage, partition, store: w.store }, "t/a", { offset });
};
const last = limits.recentEffectsMax;

/** A shard whose `t/a` has been added 1, 2, 3 … to. */
async function played(w: ShardWorld, messages: number): Promise<Running> {
  const r = w.start({ stage: tallyStage });
  const events = Array.from({ length: messages }, (_, i) => addEvent("a", i + 1));
  await w.send(addEvent("a", 0), ...events, addEvent("b", 1));
  await w.settled(r);
  return r;
}

const numbers = (recent: Awaited<ReturnType<typeof ask>>) =>
  recent.map(({ effects }) => effects[0]!.type === "delta" ? effects[0]!.by : undefined);

Deno.test("recentEffects() tells the last effects, the newest first, up to a point", async () => {
  const w = new ShardWorld();
  const r = await played(w, 30);
  const recent = await ask(w, r);
  assert.deepEqual(numbers(recent), Array.from({ length: last }, (_, i) => 30 - i));
  const [newest] = recent;
  assert.deepEqual([newest!.position, newest!.event_type], ["0:30", "add"]);
  assert.deepEqual(newest!.effects.map(({ type }) => type), ["delta", "timer", "score"]);
  assert.deepEqual(numbers(await ask(w, r, 3)), [3, 2, 1]);
  assert.deepEqual(await ask(w, r, 0), [], "the first message changed nothing");
  await w.end();
});

Deno.test("recentEffects() looks behind a snapshot, as far as that is no great work", async () => {
  const w = new ShardWorld();
  await w.stop(await played(w, 30));
  const [stored] = await w.store.load("player", 0, ["t/a"]);
  assert.deepEqual(stored!.journal, [], "all of it is in the snapshot");
  const r = w.start({ stage: tallyStage });
  assert.equal((await ask(w, r)).length, last);
  w.store.dropRowsBefore("player", 0, w.clock.now() + 1);
  assert.deepEqual(await ask(w, r), [], "what was dropped cannot be told");
  await w.end();
});

Deno.test("recentEffects() tells only what follows the snapshot of a long life", async () => {
  const w = new ShardWorld();
  await w.stop(await played(w, limits.recentEffectsRowsMax - 2));
  const r = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 7), addEvent("a", 8));
  await w.settled(r);
  assert.equal((await ask(w, r)).length, last, "it is just short enough");
  await w.send(addEvent("a", 9));
  await w.settled(r);
  assert.deepEqual(numbers(await ask(w, r)), [9, 8, 7]);
  await w.end();
});

Deno.test("recentEffects() tells nothing of an actor without a journal, nor of a stranger", async () => {
  const w = new ShardWorld();
  const game = w.startGame({ stage: tallyGameStage });
  assert.deepEqual(await ask(w, game), []);
  assert.deepEqual(await ask(w, w.start({ stage: tallyStage })), []);
  await w.end();
});
