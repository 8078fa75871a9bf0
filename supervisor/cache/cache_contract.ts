/**
 * What every {@link Cache} must do while it is there. Each adapter runs it in its own test file.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Cache } from "./cache.ts";

/** Entries that a board of the caches under test holds. */
export const boardEntriesMax = 50;

/** A cache under test, and a second node's view of it: the same one where it is not shared. */
export interface CacheUnderTest {
  readonly cache: Cache;
  readonly other: Cache;
  readonly dispose: () => Promise<void>;
}

/** Waits for a condition, 10 s at most. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>) {
  const deadline = performance.now() + 10_000;
  while (!await holds()) {
    assert.ok(performance.now() < deadline, `Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const fresh = (name: string) => `${name}-${crypto.randomUUID()}`;

async function l2Tests({ cache, other }: CacheUnderTest): Promise<void> {
  const key = fresh("l2");
  assert.equal(await cache.l2.get(key), undefined);
  await cache.l2.set(key, "ünï\u{1f600}", 60_000);
  assert.equal(await other.l2.get(key), "ünï\u{1f600}");
  await cache.l2.set(key, "2", 60_000);
  assert.equal(await cache.l2.get(key), "2");
  await other.l2.delete(key);
  assert.equal(await cache.l2.get(key), undefined);
  await cache.l2.set(key, "short", 30);
  await eventually("its time is up", async () => await cache.l2.get(key) === undefined);
}

async function limitTests({ cache, other }: CacheUnderTest): Promise<void> {
  // Slow enough that a busy machine does not refill it meanwhile.
  const bucket = { capacity: 10, refillPerSecond: 0.01 };
  const key = fresh("rate");
  const nodes = [cache, other];
  const taken = await Promise.all(
    Array.from({ length: 40 }, (_, i) => nodes[i % 2]!.limits.take(key, bucket)),
  );
  assert.equal(taken.filter(({ allowed }) => allowed).length, 10, "capacity is what is allowed");
  assert.deepEqual(
    taken.filter(({ allowed }) => allowed).map(({ remaining }) => remaining).sort((a, b) => b - a),
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
  );
  for (const { allowed, remaining, retryAfterMs } of taken) {
    if (allowed) assert.equal(retryAfterMs, 0);
    else assert.ok(remaining === 0 && retryAfterMs > 60_000 && retryAfterMs <= 100_000);
  }
  assert.equal((await cache.limits.take(fresh("rate"), bucket, 10)).remaining, 0);

  const quick = { capacity: 2, refillPerSecond: 20 };
  const again = fresh("rate");
  await cache.limits.take(again, quick, 2);
  await eventually("it is refilled", async () => (await cache.limits.take(again, quick)).allowed);

  await assert.rejects(cache.limits.take(key, bucket, 11), RangeError);
  await assert.rejects(cache.limits.take(key, { ...bucket, capacity: 0 }), RangeError);
  await assert.rejects(cache.limits.take(key, bucket, NaN), RangeError);
}

async function boardTests({ cache, other }: CacheUnderTest): Promise<void> {
  const board = fresh("board");
  assert.deepEqual(await cache.boards.page(board, 0, 10), { entries: [], size: 0 });
  await cache.boards.offer(board, new Map([["ann", 5], ["bob", 7.25], ["cy", -1e15]]));
  await other.boards.offer(board, new Map([["ann", 9], ["bob", 1], ["dee", 9], ["ada", 9]]));
  await other.boards.offer(board, new Map([["zero", 0]]));
  const whole = await cache.boards.page(board, 0, 10);
  const shown = whole.entries.map(({ rank, userId, score }) => `${rank} ${userId} ${score}`);
  assert.deepEqual(shown, [
    "1 ada 9",
    "2 ann 9",
    "3 dee 9",
    "4 bob 7.25",
    "5 zero 0",
    "6 cy -1000000000000000",
  ]);
  assert.equal(Object.is(whole.entries[4]!.score, -0), false);
  const { entries, size } = await other.boards.page(board, 3, 1);
  assert.deepEqual([entries, size], [[{ rank: 4, userId: "bob", score: 7.25 }], 6]);
  assert.deepEqual((await cache.boards.page(board, 6, 5)).entries, []);
  assert.deepEqual((await cache.boards.page(board, 0, 0)).entries, []);
  await cache.boards.remove(board);
  assert.equal((await other.boards.page(board, 0, 1)).size, 0);

  const many = new Map(Array.from({ length: 3 * boardEntriesMax }, (_, i) => [`u${i}`, i]));
  await cache.boards.offer(board, many);
  await cache.boards.offer(board, new Map([["late", 0]]));
  const full = await cache.boards.page(board, 0, 1000);
  assert.equal(full.size, boardEntriesMax, "a board is bounded");
  assert.deepEqual(
    full.entries.map(({ userId }) => userId),
    Array.from({ length: boardEntriesMax }, (_, i) => `u${3 * boardEntriesMax - 1 - i}`),
  );
  // U+FF41 comes before U+1F600 by bytes, behind it by UTF-16.
  await cache.boards.offer(board, new Map([["\u{1f600}", 1e6], ["\uff41", 1e6]]));
  const [first, second] = (await cache.boards.page(board, 0, 2)).entries;
  assert.deepEqual([first!.userId, second!.userId], ["\uff41", "\u{1f600}"]);
}

async function fanOutTests({ cache, other }: CacheUnderTest): Promise<void> {
  const [channel, elsewhere] = [fresh("chan"), fresh("chan")];
  const heard: string[] = [];
  const beside: string[] = [];
  const leave = other.fanOut.subscribe(channel, (text) => heard.push(text));
  const leaveToo = cache.fanOut.subscribe(channel, (text) => beside.push(text));
  // A subscription of another node takes a moment.
  await eventually("the other node listens", () => {
    cache.fanOut.publish(channel, "hello");
    return heard.length > 0;
  });
  const before = beside.length;
  cache.fanOut.publish(elsewhere, "not for you");
  for (let i = 0; i < 500; i++) cache.fanOut.publish(channel, `n${i}`);
  assert.equal(beside.length, before + 500, "this node's subscribers are told at once");
  await eventually("all have come", () => heard.at(-1) === "n499");
  const numbered = heard.filter((text) => text !== "hello");
  assert.deepEqual(numbered, Array.from({ length: 500 }, (_, i) => `n${i}`));
  assert.equal(beside.filter((text) => text === "n7").length, 1, "and once");
  await eventually("this node listens", () => {
    other.fanOut.publish(channel, "back");
    return beside.at(-1) === "back";
  });
  leave();
  leave();
  cache.fanOut.publish(channel, "gone");
  await eventually("those who stay hear it", () => beside.includes("gone"));
  assert.ok(!heard.includes("gone"));
  leaveToo();
  cache.fanOut.publish(channel, "nobody");
  assert.ok(!beside.includes("nobody"));
  assert.throws(() => cache.fanOut.publish(channel, "x".repeat(10_000)), RangeError);
}

/** Runs the contract. @param ignore when no server can be had; the tests are still named */
export function cacheContract(
  name: string,
  open: () => Promise<CacheUnderTest>,
  ignore = false,
): void {
  const tests = {
    "l2 keeps values until their time is up": l2Tests,
    "limits allow a bucket's capacity, whoever asks": limitTests,
    "boards rank the best score of each user and are bounded": boardTests,
    "fanOut tells every subscriber once and in order": fanOutTests,
  };
  for (const [title, test] of Object.entries(tests)) {
    Deno.test({
      name: `${name} ${title}`,
      ignore,
      async fn() {
        const opened = await open();
        try {
          await eventually("it is there", () => opened.cache.fault() === undefined);
          await eventually("it is there", () => opened.other.fault() === undefined);
          await test(opened);
        } finally {
          await opened.dispose();
        }
      },
    });
  }
}
