import assert from "node:assert/strict";
import { Deadline } from "./deadline.ts";

const late = () => new Error("late");
const never = new Promise<never>(() => {});

Deno.test("Deadline.bound() gives what comes in time, and what fails in time", async () => {
  const deadline = new Deadline(10_000, late);
  assert.equal(await deadline.bound(Promise.resolve(1)), 1);
  await assert.rejects(deadline.bound(Promise.reject(new Error("broken"))), /broken/);
  // No timer is left, or this test would be told of it.
});

Deno.test("Deadline.bound() rejects each of those that take too long, the others not", async () => {
  const deadline = new Deadline(30, late);
  const startedAt = performance.now();
  const first = deadline.bound(never);
  await new Promise((resolve) => setTimeout(resolve, 15));
  const second = deadline.bound(never);
  const quick = deadline.bound(Promise.resolve("quick"));
  await assert.rejects(first, /late/);
  assert.ok(performance.now() - startedAt >= 29);
  await assert.rejects(second, /late/);
  assert.ok(performance.now() - startedAt >= 44);
  assert.equal(await quick, "quick");
});
