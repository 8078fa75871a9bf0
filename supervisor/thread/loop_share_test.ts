import assert from "node:assert/strict";
import { LoopShare } from "./loop_share.ts";

/** A loop whose turns and time the test makes. */
class HandLoop {
  nowMs = 0;
  #next: (() => void)[] = [];
  readonly share = new LoopShare({
    now: () => this.nowMs,
    later: (next) => this.#next.push(next),
    turnMsMax: 5,
  });

  /** The next turn, with its microtasks. */
  async turn(): Promise<void> {
    const due = this.#next;
    this.#next = [];
    for (const next of due) next();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("LoopShare.isSpent is true once the turn's time was worked, until the next", async () => {
  const loop = new HandLoop();
  assert.equal(loop.share.isSpent, false);
  loop.nowMs += 4;
  assert.equal(loop.share.isSpent, false);
  loop.nowMs += 1;
  assert.equal(loop.share.isSpent, true);
  await loop.turn();
  assert.equal(loop.share.isSpent, false);
});

Deno.test("LoopShare.isSpent does not count time in which nobody worked", async () => {
  const loop = new HandLoop();
  assert.equal(loop.share.isSpent, false);
  await loop.turn();
  loop.nowMs += 1_000;
  assert.equal(loop.share.isSpent, false);
});

Deno.test("LoopShare.next() lets each who waits have its time, in the order they came", async () => {
  const loop = new HandLoop();
  const done: string[] = [];
  const work = async (name: string) => {
    await Promise.resolve();
    while (loop.share.isSpent) await loop.share.next();
    done.push(`${name} ${loop.nowMs}`);
    loop.nowMs += 3;
  };
  const all = Promise.all(["a", "b", "c", "d", "e"].map(work));
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(done, ["a 0", "b 3"]);
  await loop.turn();
  assert.deepEqual(done.slice(2), ["c 6", "d 9"]);
  await loop.turn();
  assert.deepEqual(done.slice(4), ["e 12"]);
  await all;
});

Deno.test("LoopShare.ofThread() lets in what another thread sends while it works", async () => {
  const share = LoopShare.ofThread(2);
  const code =
    `setInterval(() => self.postMessage(performance.timeOrigin + performance.now()), 40)`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  const ages: number[] = [];
  worker.onmessage = ({ data }) => ages.push(performance.timeOrigin + performance.now() - data);
  const startedAt = performance.now();
  // With an immediate in place of the timer the median is above 10 ms.
  while (ages.length < 15 && performance.now() - startedAt < 20_000) {
    while (share.isSpent) await share.next();
    for (const until = performance.now() + 0.5; performance.now() < until;);
  }
  worker.terminate();
  const median = ages.toSorted((a, b) => a - b)[7]!;
  assert.ok(median < 10, `median age ${median} ms of ${ages.length} messages`);
});
