import assert from "node:assert/strict";
import { InvalidInput, InvariantBroken, Unavailable } from "../../../schema/errors.ts";
import type { NewRecord } from "../log.ts";
import { AppendQueue, type AppendQueueOptions } from "./append_queue.ts";
import type { ClientMessage } from "./protocol.ts";

const partitions = 12;
const timeoutMs = 30;

/** A queue whose messages are kept here instead of sent. */
function queueOf(options: Partial<AppendQueueOptions> = {}) {
  const sent: ClientMessage[] = [];
  const queue = new AppendQueue({
    pendingBytesMax: 1000,
    messageBytesMax: 500,
    timeoutMs: 60_000,
    ...options,
  });
  queue.connect((message) => sent.push(message));
  return { queue, sent };
}

function one(partition: number, value: string): NewRecord[] {
  return [{ partition, key: "k", value }];
}

/** Lets the microtask that sends run. */
const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));

/** Partition and text of each part of a message. */
function contentOf(message: ClientMessage): [number, string][] {
  assert.equal(message.type, "append");
  if (message.type !== "append") return [];
  const content: [number, string][] = [];
  let position = 0;
  for (let i = 0; i < message.parts.length; i += 3) {
    const text = new Uint8Array(message.text, position, message.parts[i + 2]!);
    content.push([message.parts[i]!, new TextDecoder().decode(text)]);
    position += text.length;
  }
  return content;
}

const outcomeOf = (promise: Promise<void>) => promise.then(() => "done", (error) => error.name);

Deno.test("AppendQueue sends what one turn appends as one message a topic", async () => {
  const { queue, sent } = queueOf();
  const answers = [
    queue.append(0, [...one(3, "1"), ...one(5, "2")], partitions),
    queue.append(1, one(0, "other"), 3),
    queue.append(0, [...one(3, "é"), ...one(3, "4")], partitions),
  ];
  await turn();
  assert.equal(sent.length, 2);
  assert.deepEqual(sent.map(({ topic }) => topic), [0, 1]);
  assert.deepEqual(contentOf(sent[0]!), [[3, "k\t1\nk\té\nk\t4\n"], [5, "k\t2\n"]]);
  assert.deepEqual(sent[0]!.type === "append" && sent[0]!.parts, [3, 3, 13, 5, 1, 4]);
  queue.answer({ ids: sent.map(({ id }) => id) });
  assert.deepEqual(await Promise.all(answers.map(outcomeOf)), ["done", "done", "done"]);
  assert.equal(queue.pendingBytes, 0);
});

Deno.test("AppendQueue has two messages under way and gathers the rest", async () => {
  const { queue, sent } = queueOf();
  const answers: Promise<void>[] = [];
  for (let n = 0; n < 10; n++) {
    answers.push(queue.append(0, one(0, `${n}`), partitions));
    await turn();
  }
  assert.equal(sent.length, 2);
  queue.answer({ ids: [sent[0]!.id] });
  assert.equal(sent.length, 3);
  assert.deepEqual(contentOf(sent[2]!), [[
    0,
    [2, 3, 4, 5, 6, 7, 8, 9].map((n) => `k\t${n}\n`).join(""),
  ]]);
  queue.answer({ ids: [sent[1]!.id, sent[2]!.id] });
  await Promise.all(answers);
});

Deno.test("AppendQueue begins the next message at messageBytesMax, never within an append", async () => {
  const { queue, sent } = queueOf({ messageBytesMax: 20 });
  const answers = [
    queue.append(0, one(0, "12345678"), partitions),
    queue.append(0, one(0, "12345678"), partitions),
    queue.append(0, [...one(0, "1234567890"), ...one(1, "1234567890")], partitions),
  ];
  await turn();
  assert.deepEqual(sent.map((message) => contentOf(message).length), [1, 1]);
  queue.answer({ ids: sent.map(({ id }) => id) });
  assert.deepEqual(contentOf(sent[2]!).map(([partition]) => partition), [0, 1]);
  queue.answer({ ids: [sent[2]!.id] });
  await Promise.all(answers);
});

Deno.test("AppendQueue refuses at once what passes pendingBytesMax, until answered", async () => {
  const { queue, sent } = queueOf({ pendingBytesMax: 100 });
  const first = queue.append(0, one(0, "x".repeat(80)), partitions);
  await turn();
  assert.throws(() => queue.append(0, one(0, "x".repeat(20)), partitions), Unavailable);
  assert.throws(() => queue.append(0, one(0, "x".repeat(200)), partitions), InvalidInput);
  queue.answer({ ids: [sent[0]!.id] });
  await first;
  const second = queue.append(0, one(0, "x".repeat(20)), partitions);
  await turn();
  queue.answer({ ids: [sent[1]!.id] });
  await second;
});

Deno.test("AppendQueue refuses a record or partition that cannot be, and sends nothing of it", async () => {
  const { queue, sent } = queueOf();
  for (const partition of [-1, 12, 0.5, NaN]) {
    const records = [...one(0, "fine"), ...one(partition, "1")];
    assert.throws(() => queue.append(0, records, partitions), InvariantBroken);
  }
  assert.throws(() => queue.append(0, one(0, "a\nb"), partitions), InvalidInput);
  await turn();
  assert.deepEqual(sent, []);
  assert.equal(queue.pendingBytes, 0);
});

Deno.test("AppendQueue hands the writer's failure to each caller", async () => {
  const { queue, sent } = queueOf();
  const nothing = outcomeOf(queue.append(0, one(0, "1"), partitions));
  await turn();
  const unknown = outcomeOf(queue.append(0, one(0, "2"), partitions));
  await turn();
  queue.answer({ ids: [sent[0]!.id], failure: { outcome: "nothing_written", message: "full" } });
  queue.answer({ ids: [sent[1]!.id], failure: { outcome: "unknown", message: "fsync" } });
  assert.deepEqual([await nothing, await unknown], ["Unavailable", "OutcomeUnknown"]);
});

Deno.test("AppendQueue answers after timeoutMs: sent is unknown, unsent was not written", async () => {
  const { queue, sent } = queueOf({ timeoutMs });
  const outcomes: Promise<string>[] = [];
  for (let n = 0; n < 4; n++) {
    outcomes.push(outcomeOf(queue.append(0, one(0, `${n}`), partitions)));
    await turn();
  }
  assert.deepEqual(await Promise.all(outcomes), [
    "OutcomeUnknown",
    "OutcomeUnknown",
    "Unavailable",
    "Unavailable",
  ]);
  assert.equal(queue.pendingBytes, 2 * 4, "what may lie with the writer is still counted");
  await queue.idle();
  queue.answer({ ids: sent.map(({ id }) => id) });
  assert.equal(queue.pendingBytes, 0);
  assert.equal(sent.length, 2);
});

Deno.test("AppendQueue disconnect() settles all, and appends are refused until connect()", async () => {
  const { queue, sent } = queueOf();
  const outcomes: Promise<string>[] = [];
  for (let n = 0; n < 3; n++) {
    outcomes.push(outcomeOf(queue.append(0, one(0, `${n}`), partitions)));
    await turn();
  }
  queue.disconnect("the writer has stopped");
  assert.deepEqual(await Promise.all(outcomes), [
    "OutcomeUnknown",
    "OutcomeUnknown",
    "Unavailable",
  ]);
  assert.throws(() => queue.append(0, one(0, "1"), partitions), Unavailable);
  const stale = sent.map(({ id }) => id);
  queue.connect((message) => sent.push(message));
  const again = queue.append(0, one(0, "again"), partitions);
  await turn();
  queue.answer({ ids: stale });
  assert.equal(queue.pendingBytes, 8, "an answer of the old writer counted for the new one");
  queue.answer({ ids: [sent.at(-1)!.id] });
  await again;
});

Deno.test("AppendQueue idle() waits for the callers", async () => {
  const { queue, sent } = queueOf();
  await queue.idle();
  let isIdle = false;
  const append = queue.append(0, one(0, "1"), partitions);
  const trim = queue.trim(0, 3, 17);
  const idle = queue.idle().then(() => isIdle = true);
  await turn();
  assert.deepEqual(sent[1], {
    type: "trim",
    id: sent[1]!.id,
    topic: 0,
    partition: 3,
    beforeOffset: 17,
  });
  queue.answer({ ids: [sent[0]!.id] });
  await append;
  assert.equal(isIdle, false);
  queue.answer({ ids: [sent[1]!.id] });
  await Promise.all([trim, idle]);
});
