import assert from "node:assert/strict";
import { player } from "../../../actors/player/player.ts";
import type { Effect } from "../../../actors/kernel/behaviour.ts";
import { internalType, type PlayerEvent } from "../../../schema/event.ts";
import type { AnyBehaviour } from "../stage.ts";
import { playerStage } from "../stages.ts";
import { rawEvent, ShardWorld } from "../testing/shard_world.ts";
import { ShadowStage } from "./shadow_stage.ts";

const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
const wave = (fields: Partial<PlayerEvent> = {}) =>
  users.map((user_id) => rawEvent({ user_id, session_id: "s", ...fields }));

/** The player with another opinion on some messages. */
function variant(
  change: (event: PlayerEvent, effects: Effect[] | undefined) => Effect[] | undefined,
): AnyBehaviour {
  return {
    ...player,
    version: 2,
    receive: (state, event, ctx) => change(event, player.receive(state, event, ctx)),
  };
}

async function run(shadow: AnyBehaviour, share: number, steps: (w: ShardWorld) => Promise<void>) {
  const w = new ShardWorld();
  const stage = new ShadowStage(playerStage());
  const r = w.start({ stage });
  await w.send(...wave());
  await w.settled(r);
  stage.startShadow(shadow, { share });
  await steps(w);
  await w.settled(r);
  return { w, r, stage };
}

Deno.test("ShadowStage finds no difference between a behaviour and itself, from the middle of its life on", async () => {
  const { w, r, stage } = await run(player, 1, async (w) => {
    for (let i = 0; i < 3; i++) {
      await w.send(...wave({ event_type: "purchase", properties: { amount: 5, currency: "EUR" } }));
    }
  });
  const report = stage.shadowReport()!;
  assert.deepEqual([report.actors, report.messages, report.different], [20, 60, 0]);
  assert.equal((await w.profile(r, "u3"))!.eventsTotal, 4);
  await w.end();
});

Deno.test("ShadowStage reports where effects part, once an actor, and emits none of the shadow's", async () => {
  const shadow = variant((event, effects) =>
    event.event_type === "odd"
      ? [...effects!, { type: "delta", game: "demo/g", metric: "odd", by: 1 }]
      : effects
  );
  const { w, r, stage } = await run(shadow, 1, async (w) => {
    await w.send(...wave(), ...wave({ event_type: "odd" }), ...wave({ event_type: "odd" }));
  });
  const report = stage.shadowReport()!;
  assert.deepEqual([report.version, report.different, report.messages], [2, 20, 40]);
  const [first] = report.differences;
  assert.equal(first!.what, "effects");
  assert.match(first!.position, /^0:\d+$/);
  assert.match(first!.got, /"metric":"odd"/);
  assert.doesNotMatch(first!.expected, /"metric":"odd"/);
  assert.ok(
    w.records("game.deltas").every(({ value }) => !value.includes('"odd":')),
    "not emitted",
  );
  assert.equal((await w.profile(r, "u3"))!.eventsTotal, 4);
  await w.end();
});

Deno.test("ShadowStage reports where states part", async () => {
  const shadow: AnyBehaviour = {
    ...player,
    receive(state, event, ctx) {
      const effects = player.receive(state, event, ctx);
      if (event.event_type === "odd") state.games.get("g").level = 77;
      return effects;
    },
  };
  const { w, stage } = await run(shadow, 1, (w) => w.send(...wave({ event_type: "odd" })));
  assert.deepEqual(
    stage.shadowReport()!.differences.map(({ what }) => what),
    users.map(() => "state"),
  );
  await w.end();
});

Deno.test("ShadowStage reports a shadow that throws or cannot read the state; the actor does not notice", async () => {
  const throwing = variant((event, effects) => {
    if (event.event_type === "odd") throw new TypeError("not me");
    return effects;
  });
  const first = await run(throwing, 1, (w) => w.send(...wave({ event_type: "odd" })));
  assert.equal(first.stage.shadowReport()!.differences[0]!.what, "throw");
  assert.match(first.stage.shadowReport()!.differences[0]!.got, /not me/);
  assert.equal(first.r.parked.length, 0);
  await first.w.end();
  const illiterate: AnyBehaviour = {
    ...player,
    restore() {
      throw new SyntaxError("what is this?");
    },
  };
  const second = await run(illiterate, 1, (w) => w.send(...wave()));
  assert.equal(second.stage.shadowReport()!.differences[0]!.what, "restore");
  assert.equal((await second.w.profile(second.r, "u1"))!.eventsTotal, 2);
  await second.w.end();
});

Deno.test("ShadowStage is not misled when actors are loaded anew or rebuilt after a throw", async () => {
  let throws = 2;
  const flaky: AnyBehaviour = {
    ...player,
    receive(state, event, ctx) {
      const effects = player.receive(state, event, ctx);
      if (event.event_type === "flaky" && throws-- > 0) throw new TypeError("this time");
      return effects;
    },
  };
  const w = new ShardWorld();
  const stage = new ShadowStage(playerStage(flaky));
  const r = w.start({ stage, actorBytesMax: 3000 });
  stage.startShadow(player, { share: 1 });
  for (const event_type of ["a", "b", "flaky", "c"]) {
    await w.send(...wave({ event_type }));
    await w.settled(r);
    // Commits in which the others rest.
    for (let i = 0; i < 4; i++) {
      await w.send(rawEvent({ user_id: "busy" }));
      await w.settled(r);
    }
  }
  assert.ok(r.shard.report().passivated > 0);
  const { messages, different, actors } = stage.shadowReport()!;
  assert.deepEqual([actors, different], [21, 0]);
  assert.ok(messages >= 94, `${messages} of 96, but for what was parked`);
  await w.end();
});

Deno.test("ShadowStage.stopShadow() leaves the stage as it was; a share takes its part of the actors", async () => {
  const { w, stage } = await run(player, 0.5, (w) => w.send(...wave()));
  const { actors } = stage.stopShadow()!;
  assert.ok(actors > 2 && actors < 18, `${actors} of 20`);
  assert.equal(stage.behaviour, player);
  assert.equal(stage.shadowReport(), undefined);
  assert.equal(stage.stopShadow(), undefined);
  await w.end();
});

Deno.test("ShadowStage passes on what its stage says of itself, and what it gives back", () => {
  const stage = { ...playerStage(), trustsSnapshots: true };
  const shadowed = new ShadowStage(stage);
  for (const name of ["name", "topic", "commitDelayMs", "isKeyed", "trustsSnapshots"] as const) {
    assert.equal(shadowed[name], stage[name], name);
  }
  const merge = rawEvent({ event_type: internalType.merge, properties: { into: "bob" } });
  const back = stage.giveBack!(merge, "halted");
  assert.ok(back!.length > 0);
  assert.deepEqual(shadowed.giveBack(merge, "halted"), back);
  assert.equal(shadowed.giveBack(rawEvent(), "halted"), undefined);
});
