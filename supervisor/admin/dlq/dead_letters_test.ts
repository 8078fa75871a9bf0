import assert from "node:assert/strict";
import type { DeadLetter, PlayerEvent } from "../../../schema/event.ts";
import { partitionOf } from "../../../schema/partition.ts";
import { topicTable } from "../../../schema/topics.ts";
import { MemoryLog } from "../../log/memory_log.ts";
import { DeadLetters } from "./dead_letters.ts";
import { MemoryMarks } from "./letter_marks.ts";
import { masked } from "../mask_fields.ts";

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
  const marks = new MemoryMarks(() => nowMs);
  const letters = new DeadLetters(log, topics, marks);
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
  return { log, letters, marks, park, pages, raw, at: () => nowMs };
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
    replayed: null,
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
    assert.equal(await letters.replay(id, "c"), null, id);
  }
  assert.notEqual(await letters.get("0:1"), null);
});

Deno.test("DeadLetters.replay() appends the parked event as it was, to its player's partition", async () => {
  const { letters, park, raw } = open();
  await park(1, letter("poison", { event }));
  const partition = partitionOf("st/u/1", topics["player.events.raw"].partitions);
  assert.deepEqual(await letters.replay("1:0", "c"), {
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
  await assert.rejects(letters.replay("0:0", "c"), {
    name: "InvalidInput",
    code: "not_replayable",
  });
});

Deno.test("DeadLetters.replay() takes an edited event, however old, in either form of its time", async () => {
  for (const timestamp of [event.timestamp, "2026-01-01T12:00:00.000Z"]) {
    const { letters, park, raw } = open();
    await park(0, letter("poison", { event }));
    const edited = { ...event, timestamp, user_id: "u-2", properties: { level: 4 } };
    const replay = await letters.replay("0:0", "c", edited);
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
    [{ ...event, properties: { deep: [{ email: masked }] } }, "redacted_value"],
  ];
  for (const [edited, code] of faults) {
    await assert.rejects(letters.replay("0:0", "c", edited), { name: "InvalidInput", code });
  }
  assert.ok((await log.ends("player.events.raw")).every(({ end }) => end === 0));
});

Deno.test("DeadLetters.replay() marks the letter as replayed: when, by which call, how often", async () => {
  const { letters, park, at } = open();
  await park(0, letter("poison", { event }));
  await letters.replay("0:0", "call-1");
  const replayed = { at: new Date(at()).toISOString(), call: "call-1", times: 1 };
  assert.deepEqual((await letters.get("0:0"))?.replayed, replayed);
  assert.deepEqual((await letters.list(undefined, 9)).items[0]?.replayed, replayed);
  await letters.replay("0:0", "call-2");
  assert.deepEqual((await letters.get("0:0"))?.replayed, { ...replayed, call: "call-2", times: 2 });
});

Deno.test("DeadLetters.discard() takes a letter off the list and off replay, and keeps it to be seen", async () => {
  const { letters, park, pages, log, at } = open();
  for (const name of ["a", "b", "c"]) await park(0, letter(name, { event }));
  const discarded = { at: new Date(at()).toISOString(), call: "call-1" };
  assert.deepEqual((await letters.discard("0:1", "call-1"))?.discarded, discarded);
  assert.deepEqual(
    (await letters.discard("0:1", "call-2"))?.discarded,
    discarded,
    "the first counts",
  );
  assert.deepEqual(await pages(10), [["c", "a"]]);
  assert.deepEqual((await letters.get("0:1"))?.discarded, discarded);
  await assert.rejects(letters.replay("0:1", "c"), { name: "InvalidInput", code: "discarded" });
  assert.ok((await log.ends("player.events.raw")).every(({ end }) => end === 0));
  assert.equal(await letters.discard("0:9", "c"), null);
});

Deno.test("DeadLetters.list() fills its pages though most letters were discarded", async () => {
  const { letters, park, pages } = open();
  for (let i = 0; i < 30; i++) {
    await park(i % 3, letter(`n${i}`));
    if (i % 10 !== 0) await letters.discard(`${i % 3}:${Math.floor(i / 3)}`, "c");
  }
  assert.deepEqual((await pages(2)).filter((page) => page.length > 0), [["n20", "n10"], ["n0"]]);
});

Deno.test("DeadLetters.discard() forgets the marks of letters that the log has dropped", async () => {
  const { log, letters, marks, park } = open();
  for (const name of ["a", "b", "c"]) await park(0, letter(name));
  await letters.discard("0:0", "c");
  await log.trim("dlq.events", 0, 1);
  await letters.discard("0:2", "c");
  assert.deepEqual([...marks.marks.values()].map((m) => m.letter.offset), [2]);
});

Deno.test("DeadLetters knows a letter from one that had its place in a log before", async () => {
  const { letters, marks, park, at } = open();
  await marks.discard({ partition: 0, offset: 0, parkedAt: at() - hourMs }, "old");
  await park(0, letter("new"));
  assert.equal((await letters.list(undefined, 9)).items.length, 1);
});
