import assert from "node:assert/strict";
import { away } from "./testing/faults.ts";
import { rawEvent, type Running, ShardWorld } from "./testing/shard_world.ts";

const chunk = 100;

/** A world whose store takes commits only once `isAway` is false. */
function worldWithout() {
  const w = new ShardWorld();
  const store = { isAway: true };
  w.faults.onCall = (_, name) => store.isAway && name === "commit" ? away() : undefined;
  return { w, store };
}

/** The first commit fails; then far more comes than one commit holds. */
async function outage(w: ShardWorld, r: Running): Promise<void> {
  await w.send(rawEvent());
  await w.until(() => r.waits.length >= 2);
  for (let i = 0; i < 30; i++) {
    await w.send(...Array.from({ length: chunk }, () => rawEvent()));
    await w.clock.advance(200);
  }
}

Deno.test("Shard applies nothing more while its commits fail, and goes on with the store", async () => {
  const { w, store } = worldWithout();
  const r = w.start();
  await outage(w, r);
  // What it waited for at the log may still have come.
  const { mailbox, state } = r.shard.report();
  assert.ok(mailbox <= 1 + chunk, `${mailbox}`);
  assert.equal(state, "waiting");
  store.isAway = false;
  await w.settled(r);
  assert.equal(w.store.rows("player", 0).length, 1 + 30 * chunk);
  assert.equal(r.shard.report().state, "running");
  await w.end();
});

Deno.test("Shard can be stopped while its commits fail, and the next owner goes on", async () => {
  const { w, store } = worldWithout();
  const r = w.start();
  await outage(w, r);
  r.stop.abort();
  await w.clock.advance(5_000);
  store.isAway = false;
  await w.until(() => r.end !== undefined);
  const heir = w.start();
  await w.settled(heir);
  assert.equal(w.store.rows("player", 0).length, 1 + 30 * chunk);
  await w.end();
});
