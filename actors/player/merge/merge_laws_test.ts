import assert from "node:assert/strict";
import fc from "fast-check";
import { assertBehaviourLaws, type Sent } from "../../testing/behaviour_laws.ts";
import { PlayerRouter } from "../../testing/player_router.ts";
import { noon } from "../../testing/player_harness.ts";
import type { PlayerEvent } from "../../../schema/event.ts";
import { player } from "../player.ts";

const user = fc.constantFrom("a", "b", "c", "d");

/** All that came to `a` in a life among others, who link and part. */
const life: fc.Arbitrary<Sent<PlayerEvent>[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("event", "event", "link", "link", "unlink", "deliver", "deliver"),
    user,
    other: user,
    days: fc.nat({ max: 9 }),
    score: fc.nat({ max: 30 }),
    gapMs: fc.oneof(fc.nat({ max: 1000 }), fc.nat({ max: 2_400_000 })),
  }),
  { maxLength: 60, size: "max" },
).map((steps) => {
  const router = new PlayerRouter();
  const sent: Sent<PlayerEvent>[] = [];
  const receive = router.receive.bind(router);
  let last = noon;
  router.receive = (event) => {
    // A probe fires its own timers.
    if (event.user_id === "a" && event.event_type !== "$timer") {
      sent.push({ message: event, gapMs: router.now - last });
      last = router.now;
    }
    return receive(event);
  };
  for (const { kind, user: user_id, other, days, score, gapMs } of steps) {
    router.pass(gapMs);
    const timestamp = router.now - days * 86_400_000;
    const properties = { score, amount: score, currency: "USD" };
    const event_type = score % 2 === 0 ? "purchase" : "level.start";
    if (kind === "event") router.event({ user_id, event_type, timestamp, properties });
    else if (kind === "link") router.link(user_id, other);
    else if (kind === "unlink") router.unlink(user_id, other);
    else for (let i = 0; i < 4; i++) router.deliver(score + i);
  }
  router.settle();
  return sent;
});

Deno.test("player keeps the laws of a behaviour through merges and their undoing", () => {
  const queries = fc.constantFrom(
    { type: "profile" as const },
    { type: "profile" as const, gameId: "g" },
  );
  assertBehaviourLaws(player, { messages: life, queries, actorId: "demo/a", now: noon });
});

Deno.test("player's bytes tell of what came with aliases", () => {
  const router = new PlayerRouter();
  for (let i = 0; i < 8; i++) {
    for (let game = 0; game < 10; game++) router.event({ user_id: `u${i}`, game_id: `g${game}` });
  }
  const bytes = (id: string) => player.bytes(router.state(id));
  const before = bytes("u0");
  for (let i = 1; i < 8; i++) router.link("u0", `u${i}`);
  router.settle();
  assert.ok(bytes("u0") > before * 6, `${before} before, ${bytes("u0")} now`);
  assert.ok(bytes("u1") < before / 2, "an alias keeps nothing but what it has seen");
});
