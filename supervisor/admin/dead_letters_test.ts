import assert from "node:assert/strict";
import type { DeadLetter, PlayerEvent } from "../../schema/event.ts";
import { partitionOf } from "../../schema/partition.ts";
import { topicTable } from "../../schema/topics.ts";
import { MemoryLog } from "../log/memory_log.ts";
import { DeadLetters } from "./dead_letters.ts";

const topics = topicTable();
const hourMs = 3_600_000;

const event: PlayerEvent = {
  studio: "st",
  event_id: "e-1",
  event_type: "level.complete",
  user_id: "u/1",
  game_id: "g",
  timestamp: Date.parse("2026-01-01T12:00:00Z"),
  properties: { level: 3 },
  context: {},
};

function letter(name: string, more: Partial<DeadLetter> = {}): DeadLetter {
  return { studio: "st", source: "player", code: "poison", message: name, payload: "{}", ...more };
}

function open() {
  let nowMs = 1_000_000 * hourMs;
  const log = new MemoryLog({ topics, now: () => nowMs });
  const letters = new DeadLetters(log, topics);
  /** Parks a letter one second after the one before. */
  const park = async (partition: number, parked: DeadLetter) => {
    nowMs += 1000;
    await log.append("dlq.events", [{ partition, key: "st/x", value: JSON.stringify(parked) }]);
  };
  /** The names of all letters, page by page. */
  const pages = async (limit: number) => {
    const found: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await letters.list(cursor, limit);
      found.push(page.items.map(({ message }) => message));
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined && found.length < 100);
    return found;
  };
  const raw = (partition: number) =>
    log.fetch("player.events.raw", partition, 0, 1e6, new AbortController().signal);
  return { log, letters, park, pages, raw, at: () => nowMs };
}

Deno.test("DeadLetters.list() of an empty queue is an empty last page", async () => {
  assert.deepEqual(await open().letters.list(undefined, 10), { items: [], next_cursor: null });
});

Deno.test("DeadLetters.list() shows a letter's row", async () => {
  const { letters, park, at } = open();
  await park(2, letter("no", { path: "timestamp", event }));
  assert.deepEqual((await letters.list(undefined, 10)).items, [{
    id: "2:0",
    parked_at: new Date(at()).toISOString(),
    studio: "st",
    source: "player",
    code: "poison",
    message: "no",
    path: "timestamp",
    actor_id: null,
    event_type: "level.complete",
    replayable: true,
  }]);
});

Deno.test("DeadLetters.list() pages over all partitions, newest first, each letter once", async () => {
  const { park, pages } = open();
  const partitions = [0, 0, 0, 0, 1, 0, 2, 2, 1, 0];
  for (const [i, partition] of partitions.entries()) await park(partition, letter(`n${i}`));
  const newestFirst = partitions.map((_, i) => `n${i}`).toReversed();
  for (const limit of [1, 3, 9, 10, 11]) {
    const found = await pages(limit);
    assert.deepEqual(found.flat(), newestFirst, `pages of ${limit}`);
    assert.equal(found.length, Math.ceil(10 / limit), `pages of ${limit}`);
  }
});

Deno.test("DeadLetters.list() goes on where a page ended while letters come and go", async () => {
  const { log, letters, park } = open();
  for (let i = 0; i < 6; i++) await park(0, letter(`n${i}`));
  const first = await letters.list(undefined, 2);
  await park(0, letter("new"));
  await park(1, letter("new too"));
  await log.trim("dlq.events", 0, 2);
  const second = await letters.list(first.next_cursor!, 10);
  assert.deepEqual(second.items.map(({ message }) => message), ["n3", "n2"]);
  assert.equal(second.next_cursor, null);
});

Deno.test("DeadLetters.list() refuses a cursor that is none of its own", async () => {
  const { letters } = open();
  for (const cursor of ["", "x", "0-0", "0-0-0-0", "0-0-1", "-1-0-0", "0-0-1e3"]) {
    await assert.rejects(letters.list(cursor, 10), { code: "invalid_cursor" }, cursor);
  }
  assert.deepEqual((await letters.list("0-0-0", 10)).items, []);
});

Deno.test("DeadLetters.get() gives payload, event and poison bundle", async () => {
  const { letters, park } = open();
  const actor = { id: "st/u/1", state: { n: 1 }, position: "3:17", version: 2 };
  await park(0, letter("other"));
  await park(0, letter("poison", { event, actor, payload: '{"a":1}' }));
  const found = await letters.get("0:1");
  assert.equal(found?.message, "poison");
  assert.deepEqual([found?.payload, found?.event, found?.actor], ['{"a":1}', event, actor]);
});

Deno.test("DeadLetters.get() and replay() know no letter of a wrong, future or dropped id", async () => {
  const { log, letters, park } = open();
  await park(0, letter("a"));
  await park(0, letter("b"));
  await log.trim("dlq.events", 0, 1);
  for (
    const id of ["", "x", "0", "0:", "0:0", "0:2", "3:0", "-1:0", "0:1.0", "0:99999999999999999"]
  ) {
    assert.equal(await letters.get(id), null, id);
    assert.equal(await letters.replay(id), null, id);
  }
  assert.notEqual(await letters.get("0:1"), null);
});

Deno.test("DeadLetters.replay() appends the parked event as it was, to its player's partition", async () => {
  const { letters, park, raw } = open();
  await park(1, letter("poison", { event }));
  const partition = partitionOf("st/u/1", topics["player.events.raw"].partitions);
  assert.deepEqual(await letters.replay("1:0"), {
    id: "1:0",
    event_id: "e-1",
    topic: "player.events.raw",
    partition,
  });
  const [record, ...more] = await raw(partition);
  assert.deepEqual(more, []);
  assert.equal(record?.key, "st/u/1");
  assert.deepEqual(JSON.parse(record!.value), event);
});

Deno.test("DeadLetters.replay() of rejected text needs an edited event", async () => {
  const { letters, park } = open();
  await park(0, letter("rejected", { source: "gateway", payload: "{" }));
  await assert.rejects(letters.replay("0:0"), { name: "InvalidInput", code: "not_replayable" });
});

Deno.test("DeadLetters.replay() takes an edited event, however old, in either form of its time", async () => {
  for (const timestamp of [event.timestamp, "2026-01-01T12:00:00.000Z"]) {
    const { letters, park, raw } = open();
    await park(0, letter("poison", { event }));
    const edited = { ...event, timestamp, user_id: "u-2", properties: { level: 4 } };
    const replay = await letters.replay("0:0", edited);
    const partition = partitionOf("st/u-2", topics["player.events.raw"].partitions);
    assert.equal(replay?.partition, partition);
    const [record] = await raw(partition);
    assert.deepEqual(JSON.parse(record!.value), {
      ...event,
      user_id: "u-2",
      properties: { level: 4 },
    });
  }
});

Deno.test("DeadLetters.replay() holds an edited event to the gateway's rules", async () => {
  const { letters, park, log } = open();
  await park(0, letter("poison", { event }));
  const faults: [unknown, string][] = [
    ["text", "not_an_object"],
    [[event], "not_an_object"],
    [{ ...event, user_id: undefined }, "missing_field"],
    [{ ...event, event_type: "$timer" }, "reserved_type"],
    [{ ...event, timestamp: "soon" }, "invalid_timestamp"],
    [{ ...event, timestamp: 1e300 }, "invalid_timestamp"],
    [{ ...event, properties: { x: "\0" } }, "ill_formed_text"],
    [{ ...event, studio: "another" }, "invalid_field"],
  ];
  for (const [edited, code] of faults) {
    await assert.rejects(letters.replay("0:0", edited), { name: "InvalidInput", code });
  }
  assert.ok((await log.ends("player.events.raw")).every(({ end }) => end === 0));
});
