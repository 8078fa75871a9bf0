import assert from "node:assert/strict";
import { OutcomeUnknown, Unavailable } from "../../../schema/errors.ts";
import { type FlushTarget, GroupCommit } from "./group_commit.ts";
import type { ClientAnswer } from "./protocol.ts";
import type { Flush } from "./topic_writer.ts";

const urgentTopic = 1;

/** Three topics whose flushes are written down, and a turn that ends when told. */
function setUp(flushBytesMax = 1000) {
  const flushes: { topic: number; flush: Flush }[] = [];
  const trims: { topic: number; marks: readonly (readonly [number, number])[] }[] = [];
  let failure: Error | null = null;
  const targets = [0, 1, 2].map((topic): FlushTarget => ({
    append: (flush) => {
      if (failure !== null) throw failure;
      flushes.push({ topic, flush });
    },
    trim: (marks) => void trims.push({ topic, marks }),
    retain: () => {},
    tend: () => {},
  }));
  const turns: (() => void)[] = [];
  const commit = new GroupCommit(targets, {
    flushBytesMax,
    urgentTopic,
    now: () => 1,
    afterArrivals: (next) => turns.push(next),
  });
  const answers: ClientAnswer[] = [];
  const port = { postMessage: (answer: ClientAnswer) => void answers.push(answer) };
  let lastId = 0;
  return {
    commit,
    flushes,
    trims,
    answers,
    /** Appends `text` to partition 0; returns the id. */
    append(topic: number, text = "k\tv\n", on = port): number {
      const bytes = new TextEncoder().encode(text);
      commit.append(topic, { port: on, id: ++lastId, parts: [0, 1, bytes.length], text: bytes });
      return lastId;
    },
    trim(topic: number, mark: readonly [number, number]): void {
      commit.trim(topic, { port, id: ++lastId, mark });
    },
    /** Ends a turn: one flush. */
    turn: () => turns.shift()?.(),
    waitingTurns: () => turns.length,
    fail: (error: Error | null) => failure = error,
  };
}

Deno.test("GroupCommit makes one flush of all that arrived, in order", () => {
  const t = setUp();
  const ids = [t.append(0, "k\t1\n"), t.append(0, "k\t2\n"), t.append(0, "k\t3\n")];
  assert.equal(t.flushes.length, 0, "flushed before the arrivals were in");
  t.turn();
  assert.equal(t.flushes.length, 1);
  const { parts, body } = t.flushes[0]!.flush;
  assert.equal(new TextDecoder().decode(body), "k\t1\nk\t2\nk\t3\n");
  assert.deepEqual(parts, [{ partition: 0, count: 3, bytes: 12 }]);
  assert.deepEqual(t.answers, [{ ids }]);
  assert.equal(t.waitingTurns(), 0);
});

/** Partition, count and text of each part. */
function partsOf({ parts, body }: Flush): [number, number, string][] {
  let position = 0;
  const found = parts.map(({ partition, count, bytes }): [number, number, string] => {
    const text = body.subarray(position, position += bytes);
    return [partition, count, new TextDecoder().decode(text)];
  });
  assert.equal(position, body.length);
  return found;
}

Deno.test("GroupCommit merges parts by partition", () => {
  const t = setUp();
  const port = { postMessage: () => {} };
  const text = (s: string) => new TextEncoder().encode(s);
  t.commit.append(0, { port, id: 1, parts: [4, 1, 2, 7, 2, 3], text: text("aabbb") });
  t.commit.append(0, { port, id: 2, parts: [7, 1, 1, 4, 1, 1], text: text("cd") });
  t.commit.append(0, { port, id: 3, parts: [2, 1, 2], text: text("ee") });
  t.turn();
  assert.deepEqual(partsOf(t.flushes[0]!.flush), [[4, 2, "aad"], [7, 3, "bbbc"], [2, 1, "ee"]]);
});

Deno.test("GroupCommit takes a message that comes alone as it is", () => {
  const t = setUp();
  const text = new TextEncoder().encode("aabbb");
  t.commit.append(0, { port: { postMessage: () => {} }, id: 1, parts: [4, 1, 2, 7, 2, 3], text });
  t.turn();
  assert.deepEqual(partsOf(t.flushes[0]!.flush), [[4, 1, "aa"], [7, 2, "bbb"]]);
  assert.equal(t.flushes[0]!.flush.body, text);
});

Deno.test("GroupCommit lets the urgent topic wait for one flush of the others at most", () => {
  const t = setUp();
  for (let n = 0; n < 3; n++) {
    t.append(0, "x".repeat(1000));
    t.append(2, "x".repeat(1000));
  }
  t.turn();
  t.append(urgentTopic);
  t.turn();
  t.append(urgentTopic);
  for (let n = 0; n < 10; n++) t.turn();
  assert.deepEqual(t.flushes.map(({ topic }) => topic), [2, 1, 0, 1, 2, 0, 2, 0]);
});

Deno.test("GroupCommit does not starve the others under urgent load", () => {
  const t = setUp();
  t.append(0);
  t.append(2);
  for (let n = 0; n < 5; n++) {
    t.append(urgentTopic);
    t.turn();
  }
  const order = t.flushes.map(({ topic }) => topic);
  assert.deepEqual(order, [1, 2, 1, 0, 1]);
});

Deno.test("GroupCommit leaves to the next flush what passes flushBytesMax", () => {
  const t = setUp(10);
  const ids = [
    t.append(0, "123456"),
    t.append(0, "1234"),
    t.append(0, "1"),
    t.append(0, "x".repeat(50)),
  ];
  for (let n = 0; n < 5; n++) t.turn();
  assert.deepEqual(t.answers.map(({ ids }) => ids), [ids.slice(0, 2), [ids[2]], [ids[3]]]);
});

Deno.test("GroupCommit answers each port with its own ids", () => {
  const t = setUp();
  const others: ClientAnswer[] = [];
  const other = { postMessage: (answer: ClientAnswer) => void others.push(answer) };
  const mine = t.append(0);
  const theirs = t.append(0, "k\tv\n", other);
  t.turn();
  assert.deepEqual([t.answers, others], [[{ ids: [mine] }], [{ ids: [theirs] }]]);
});

Deno.test("GroupCommit goes on after nothing was written, and stops when nobody knows", () => {
  const t = setUp();
  t.fail(new Unavailable("log", "the disk is full"));
  t.append(0);
  t.turn();
  assert.deepEqual(t.answers.at(-1)!.failure, {
    outcome: "nothing_written",
    message: "the disk is full",
  });
  t.fail(null);
  t.append(0);
  t.turn();
  assert.equal(t.answers.at(-1)!.failure, undefined);
  t.fail(new OutcomeUnknown("log", "fsync failed"));
  t.append(0);
  assert.throws(() => t.turn(), OutcomeUnknown);
  assert.equal(t.answers.at(-1)!.failure!.outcome, "unknown");
});

Deno.test("GroupCommit makes one transaction of the trims that wait", () => {
  const t = setUp();
  t.trim(0, [3, 10]);
  t.trim(0, [4, 20]);
  t.turn();
  assert.deepEqual(t.trims, [{ topic: 0, marks: [[3, 10], [4, 20]] }]);
  assert.deepEqual(t.answers, [{ ids: [1, 2] }]);
});

Deno.test("GroupCommit drain() flushes all that waits", () => {
  const t = setUp(10);
  for (let n = 0; n < 7; n++) t.append(n % 3, "x".repeat(10));
  t.commit.drain();
  assert.equal(t.answers.length, 7);
});
