import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import type { PlayerEvent } from "../../schema/event.ts";
import { actorChanges } from "./actor_changes.ts";
import { InMemoryPlatform } from "../testing/in_memory_platform.ts";

const event: PlayerEvent = {
  studio: "s",
  event_id: "e",
  event_type: "t",
  user_id: "u",
  game_id: "g",
  timestamp: 0,
  properties: {},
  context: {},
};
const profile = { type: "profile" } as const;

Deno.test("actorChanges() asks again until the actor is served", async () => {
  const platform = new InMemoryPlatform();
  const stop = new AbortController();
  let refusals = 3;
  platform.beforeAsk = () => {
    if (refusals-- > 0) throw new Unavailable("shard", "moving");
  };
  const changes = actorChanges(platform, "player", "s/u", profile, stop.signal, { retryMs: 1 });
  const next = changes.next();
  await platform.accept([event, event]);
  assert.equal((await next).value!.eventsTotal, 2);
  assert.equal(platform.asked.length, 4);
  stop.abort();
  assert.equal((await changes.next()).done, true);
});

Deno.test("actorChanges() ends in the middle of a pause when its signal aborts", async () => {
  const platform = new InMemoryPlatform();
  const stop = new AbortController();
  platform.beforeAsk = () => {
    queueMicrotask(() => stop.abort());
    throw new Unavailable("shard", "moving");
  };
  const changes = actorChanges(platform, "player", "s/u", profile, stop.signal, {
    retryMs: 3_600_000,
  });
  const next = changes.next();
  await platform.accept([event]);
  assert.equal((await next).done, true);
  assert.equal(platform.watchers, 0);
});

Deno.test("actorChanges() passes other errors on", async () => {
  const platform = new InMemoryPlatform();
  platform.beforeAsk = () => {
    throw new TypeError("a bug");
  };
  const { signal } = new AbortController();
  const next = actorChanges(platform, "player", "s/u", profile, signal).next();
  await platform.accept([event]);
  await assert.rejects(next, /a bug/);
  assert.equal(platform.watchers, 0);
});
