import assert from "node:assert/strict";
import {
  Fenced,
  InvariantBroken,
  OffsetMissing,
  Terminal,
  Unavailable,
} from "../../schema/errors.ts";
import type { Shard } from "../shard/shard.ts";
import type { Child, StartContext } from "../tree/child.ts";
import { shardChild } from "./shard_child.ts";

/** A shard that runs until told how to end. */
function setUp() {
  const end = Promise.withResolvers<void>();
  const signals: { stop?: AbortSignal; kill?: AbortSignal } = {};
  const run = (stop: AbortSignal, kill: AbortSignal) => {
    Object.assign(signals, { stop, kill });
    return end.promise;
  };
  const faults: (string | undefined)[] = [];
  const spec = shardChild("7", { run } as unknown as Shard, (fault) => faults.push(fault));
  return { spec, end, signals, faults, start: () => spec.start({} as StartContext) as Child };
}

Deno.test("shardChild() clears the shard's fault at each start", () => {
  const { faults, start } = setUp();
  start();
  assert.deepEqual(faults, [undefined]);
});

for (
  const error of [
    new Fenced("taken"),
    new OffsetMissing("t", 7, 1, "2 to 3"),
    new Terminal("x", "x"),
  ]
) {
  Deno.test(`shardChild() is not started again after ${error.name}, and says why it is down`, async () => {
    const { end, faults, start } = setUp();
    const child = start();
    end.reject(error);
    assert.deepEqual(await child.exited, { type: "normal" });
    assert.deepEqual(faults, [undefined, `7: ${error.message}`]);
  });
}

for (
  const error of [
    new InvariantBroken("broken"),
    new Unavailable("store", "away"),
    new TypeError("bug"),
  ]
) {
  Deno.test(`shardChild() leaves ${error.name} to its supervisor`, async () => {
    const { spec, end, faults, start } = setUp();
    assert.equal(spec.restart, "transient");
    const child = start();
    end.reject(error);
    assert.deepEqual(await child.exited, { type: "failed", error });
    assert.equal(faults.at(-1), `7: ${error.message}`);
  });
}

Deno.test("shardChild() stops its shard in order, and waits for it", async () => {
  const { end, signals, start } = setUp();
  const child = start();
  let stopped = false;
  const stopping = child.stop().then(() => stopped = true);
  assert.deepEqual([signals.stop!.aborted, signals.kill!.aborted], [true, false]);
  await Promise.resolve();
  assert.equal(stopped, false);
  end.resolve();
  await stopping;
  assert.deepEqual(await child.exited, { type: "stopped" });
});

Deno.test("shardChild() kills its shard at once", () => {
  const { signals, start } = setUp();
  start().kill!();
  assert.deepEqual([signals.stop!.aborted, signals.kill!.aborted], [false, true]);
});
