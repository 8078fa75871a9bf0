import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import { principalOf } from "../../schema/principal.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import { Forbidden } from "../access.ts";
import { InMemoryPlatform } from "../testing/in_memory_platform.ts";
import { profileChanges, profileOf } from "./player_identity.ts";

const staff = principalOf({ id: "k", role: "admin", studio: "s" });
const ann = { ...staff, role: "player", userId: "ann" } as const;
const query = { type: "profile" } as const;

function platformWith(...users: string[]) {
  const platform = new InMemoryPlatform(() => 0);
  const play = (user_id: string) =>
    platform.accept([{
      studio: "s",
      event_id: "e",
      event_type: "t",
      user_id,
      game_id: "g",
      timestamp: 0,
      properties: {},
      context: {},
    }]);
  for (const user of users) play(user);
  return { platform, play, ask: (id: string) => platform.ask("player", `s/${id}`, query) };
}

Deno.test("profileOf() answers with who an id is by now, over several hops", async () => {
  const { platform, ask } = platformWith("anon", "ann", "annie");
  assert.equal((await profileOf(staff, "anon", ask))!.id, "anon");
  platform.link("s", "anon", "ann");
  const merged = (await profileOf(staff, "anon", ask))!;
  assert.deepEqual([merged.id, merged.eventsTotal, merged.aliases], ["ann", 2, ["anon"]]);
  platform.link("s", "ann", "annie");
  assert.equal((await profileOf(staff, "anon", ask))!.id, "annie");
  assert.equal(await profileOf(staff, "nobody", ask), null);
});

Deno.test("profileOf() gives up on a chain that does not end", async () => {
  let asked = 0;
  const ask = (id: string) => {
    asked++;
    return Promise.resolve({ mergedInto: id === "a" ? "b" : "a" } as PlayerProfile);
  };
  await assert.rejects(profileOf(staff, "a", ask), Unavailable);
  assert.equal(asked, 18);
});

Deno.test("profileOf() does not lead a player's token to somebody else", async () => {
  const { platform, ask } = platformWith("ann", "victim");
  assert.equal((await profileOf(ann, "ann", ask))!.id, "ann");
  platform.link("s", "ann", "victim");
  await assert.rejects(profileOf(ann, "ann", ask), Forbidden);
  // The other way round she reads herself, who has one more id.
  platform.link("s", "ann", undefined);
  platform.link("s", "victim", "ann");
  assert.deepEqual((await profileOf(ann, "ann", ask))!.aliases, ["victim"]);
});

/** Reads a stream of profiles as `id:events`, one at a time. */
function reader(platform: InMemoryPlatform, userId: string, principal: typeof ann | typeof staff) {
  const stop = new AbortController();
  const changes = profileChanges(platform, principal, userId, query, stop.signal);
  const next = async () => {
    const { value } = await changes.next();
    return value === undefined ? "end" : `${value.id}:${value.eventsTotal}`;
  };
  return { next, stop: () => stop.abort() };
}

/** Resolves when the stream waits for a change, so that the next one is seen. */
async function watching(platform: InMemoryPlatform, watchers = 1): Promise<void> {
  while (platform.watchers !== watchers) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("profileChanges() goes along with a player who is merged, and back when it is undone", async () => {
  const { platform, play } = platformWith("anon", "ann");
  const { next, stop } = reader(platform, "anon", staff);
  const first = next();
  await watching(platform);
  await play("anon");
  assert.equal(await first, "anon:2");
  const merged = next();
  await watching(platform);
  platform.link("s", "anon", "ann");
  assert.equal(await merged, "ann:3");
  const later = next();
  await watching(platform);
  await play("ann");
  assert.equal(await later, "ann:4");
  const undone = next();
  await watching(platform);
  platform.link("s", "anon", undefined);
  // Back with the id that was asked for, whose next change comes.
  let isBack = false;
  undone.then(() => isBack = true);
  while (!isBack) {
    await play("anon");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.match(await undone, /^anon:\d+$/);
  const end = next();
  stop();
  assert.equal(await end, "end");
  await watching(platform, 0);
});

Deno.test("profileChanges() tells a player's token when the id is not his any more", async () => {
  const { platform } = platformWith("ann", "victim");
  const { next } = reader(platform, "ann", ann);
  const change = next();
  await watching(platform);
  platform.link("s", "ann", "victim");
  await assert.rejects(change, Forbidden);
  await watching(platform, 0);
});
