import assert from "node:assert/strict";
import { LoopShare } from "./loop_share.ts";

/** A loop whose time the test makes. Its pauses take a millisecond, and end when nobody works. */
class HandLoop {
  nowMs = 0;
  #next: { readonly dueAt: number; readonly run: () => void }[] = [];
  readonly share = new LoopShare({
    now: () => this.nowMs,
    pause: (run) => this.#next.push({ dueAt: this.nowMs + 1, run }),
    turnMsMax: 5,
  });

  /** Nobody works for so long. */
  async idle(ms = 1): Promise<void> {
    this.nowMs += ms;
    await this.look();
  }

  /** Runs what is due, with its microtasks. */
  async look(): Promise<void> {
    const due = this.#next.filter(({ dueAt }) => dueAt <= this.nowMs);
    this.#next = this.#next.filter(({ dueAt }) => dueAt > this.nowMs);
    for (const { run } of due) run();
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("LoopShare.isSpent is true once work has gone on for a turn's time, until a pause", async () => {
  const loop = new HandLoop();
  assert.equal(loop.share.isSpent, false);
  loop.nowMs += 4;
  assert.equal(loop.share.isSpent, false);
  loop.nowMs += 1;
  assert.equal(loop.share.isSpent, true);
  await loop.idle();
  assert.equal(loop.share.isSpent, false);
});

Deno.test("LoopShare.isSpent adds up the work of turns with no idle moment between them", async () => {
  const loop = new HandLoop();
  for (let i = 0; i < 2; i++) {
    assert.equal(loop.share.isSpent, false);
    loop.nowMs += 3;
    await loop.look();
  }
  assert.equal(loop.share.isSpent, true);
});

Deno.test("LoopShare.isSpent forgets the work before an idle moment", async () => {
  const loop = new HandLoop();
  for (let i = 0; i < 5; i++) {
    assert.equal(loop.share.isSpent, false);
    loop.nowMs += 0.5;
    await loop.idle();
  }
});

Deno.test("LoopShare.isSpent does not stay true when every pause is late, as on a busy machine", async () => {
  const loop = new HandLoop();
  assert.equal(loop.share.isSpent, false);
  loop.nowMs += 5;
  assert.equal(loop.share.isSpent, true);
  await loop.idle(30);
  assert.equal(loop.share.isSpent, false);
});

Deno.test("LoopShare.next() lets each who waits have its time, in the order they came", async () => {
  const loop = new HandLoop();
  const done: string[] = [];
  const work = async (name: string) => {
    await Promise.resolve();
    while (loop.share.isSpent) await loop.share.next();
    done.push(name);
    loop.nowMs += 3;
  };
  const all = Promise.all(["a", "b", "c", "d", "e"].map(work));
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(done, ["a", "b"]);
  await loop.idle();
  assert.deepEqual(done, ["a", "b", "c", "d"]);
  await loop.idle();
  await all;
  assert.deepEqual(done, ["a", "b", "c", "d", "e"]);
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
