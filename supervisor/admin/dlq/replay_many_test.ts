import assert from "node:assert/strict";
import type { DeadLetter, PlayerEvent } from "../../../schema/event.ts";
import { topicTable } from "../../../schema/topics.ts";
import { MemoryLog } from "../../log/memory_log.ts";
import { MemoryMarks } from "./letter_marks.ts";
import { replayMany } from "./replay_many.ts";
import type { LetterFilter, ReplayManyOptions } from "../admin_platform.ts";

const topics = {
  ...topicTable(1),
  "dlq.events": { ...topicTable(1)["dlq.events"], partitions: 2 },
};

const eventOf = (id: string): PlayerEvent => ({
  studio: "st",
  event_id: id,
  event_type: "purchase",
  user_id: "u",
  game_id: "g",
  timestamp: 0,
  properties: {},
  context: {},
});

function open() {
  let nowMs = 1000;
  const log = new MemoryLog({ topics, now: () => nowMs++ });
  const marks = new MemoryMarks(() => nowMs);
  const park = async (partition: number, id: string, more: Partial<DeadLetter> = {}) => {
    const letter: DeadLetter = {
      studio: "st",
      source: "player",
      code: "poison",
      message: "",
      payload: "{}",
      event: eventOf(id),
      ...more,
    };
    const value = JSON.stringify(letter);
    await log.append("dlq.events", [{ partition, key: "st/u", value }]);
  };
  const replay = (
    filter: LetterFilter = {},
    options: Partial<ReplayManyOptions> = {},
    call = "c",
  ) =>
    replayMany(
      { log, topics, marks },
      filter,
      { cursor: undefined, limit: 1000, again: false, ...options },
      call,
    );
  /** Ids of the events that were sent, in order. */
  const sent = () =>
    log.storage["player.events.raw"][0]!.records.map(({ value }) => JSON.parse(value).event_id);
  return { log, marks, park, replay, sent };
}

Deno.test("replayMany() sends every letter once, the oldest of each partition first", async () => {
  const { park, replay, sent } = open();
  for (let i = 0; i < 6; i++) await park(i % 2, `e${i}`);
  const none = { not_replayable: 0, replayed_before: 0 };
  assert.deepEqual(await replay(), { sent: 6, skipped: none, next_cursor: null });
  assert.deepEqual(sent(), ["e0", "e2", "e4", "e1", "e3", "e5"]);
  const again = await replay({}, {}, "c2");
  assert.deepEqual(again, { sent: 0, skipped: { ...none, replayed_before: 6 }, next_cursor: null });
  assert.equal((await replay({}, { again: true }, "c3")).sent, 6);
});

Deno.test("replayMany() sends what agrees with each field of the filter", async () => {
  const { park, replay, sent } = open();
  const actor = { id: "st/u", state: null, position: "0:1", version: 1 };
  await park(0, "e1");
  await park(0, "e2", { code: "invalid_field" });
  await park(0, "e3", { source: "gateway" });
  await park(0, "e4", { studio: "other" });
  await park(0, "e5", { actor });
  await replay({ code: "invalid_field" });
  await replay({ source: "gateway" });
  await replay({ studio: "other" });
  await replay({ actor_id: "st/u" });
  assert.deepEqual(sent(), ["e2", "e3", "e4", "e5"]);
  await replay({ code: "poison", source: "player", studio: "st" });
  assert.deepEqual(sent().at(-1), "e1");
  assert.equal(sent().length, 5);
});

Deno.test("replayMany() leaves out what was discarded, and counts what holds no event", async () => {
  const { marks, park, replay, sent, log } = open();
  await park(0, "e1");
  const { event: _, ...eventless } = { event: undefined, code: "invalid_json" };
  await log.append("dlq.events", [{
    partition: 0,
    key: "k",
    value: JSON.stringify({
      studio: "st",
      source: "gateway",
      message: "",
      payload: "{",
      ...eventless,
    }),
  }]);
  await park(0, "e2");
  const { timestamp } = log.storage["dlq.events"][0]!.records[0]!;
  await marks.discard({ partition: 0, offset: 0, parkedAt: timestamp }, "x");
  assert.deepEqual(await replay(), {
    sent: 1,
    skipped: { not_replayable: 1, replayed_before: 0 },
    next_cursor: null,
  });
  assert.deepEqual(sent(), ["e2"]);
});

Deno.test("replayMany() goes on where the call before has stopped, and not with later letters", async () => {
  for (const limit of [1, 2, 3, 7]) {
    const { park, replay, sent } = open();
    for (let i = 0; i < 7; i++) await park(i % 2, `e${i}`);
    let cursor: string | undefined;
    for (let calls = 0; calls < 10; calls++) {
      const { next_cursor } = await replay({}, { cursor, limit }, `c${calls}`);
      // What fails again while the row of calls is under way does not go round.
      await park(calls % 2, `later${calls}`);
      if (next_cursor === null) break;
      cursor = next_cursor;
    }
    assert.deepEqual(sent(), ["e0", "e2", "e4", "e6", "e1", "e3", "e5"], `limit ${limit}`);
  }
});

Deno.test("replayMany() refuses a cursor that is none of its own", async () => {
  const { replay } = open();
  for (const cursor of ["", "x", "0-0", "0.0", "0.0-1.0", "0.0-0.1", "0.0-0.0-0.0"]) {
    await assert.rejects(replay({}, { cursor }), { code: "invalid_cursor" }, cursor);
  }
});
