import assert from "node:assert/strict";
import { OffsetMissing, Terminal, Unavailable } from "../../../schema/errors.ts";
import { topicTable } from "../../../schema/topics.ts";
import type { Log, LogRecord, NewRecord } from "../log.ts";
import { openSqliteLog, type SqliteLog } from "./sqlite_log.ts";
import {
  type SqliteLogWriter,
  type SqliteLogWriterOptions,
  startSqliteLogWriter,
} from "./writer.ts";

const topics = topicTable();
const raw = "player.events.raw";
const deltas = "game.deltas";
const never = new AbortController().signal;
const DAY_MS = 86_400_000;
const kib = "x".repeat(1024);

async function withWriter(
  options: SqliteLogWriterOptions,
  body: (writer: SqliteLogWriter, log: SqliteLog, dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  const writer = await startSqliteLogWriter(dir, topics, options);
  const log = openSqliteLog(writer.connect());
  try {
    await body(writer, log, dir);
  } finally {
    await log.close();
    await writer.close();
    await Deno.remove(dir, { recursive: true });
  }
}

function some(partition: number, count: number): NewRecord[] {
  return Array.from({ length: count }, (_, n) => ({ partition, key: `s/u-${n}`, value: kib }));
}

function filesOf(dir: string, topic: string): string[] {
  return [...Deno.readDirSync(`${dir}/${topic}`)].map(({ name }) => name)
    .filter((name) => name.endsWith(".db")).sort();
}

async function offsetsFrom(log: Log, partition: number, from: number): Promise<number[]> {
  const { end } = (await log.ends(raw))[partition]!;
  const found: LogRecord[] = [];
  for (let next = from; next < end; next = found.at(-1)!.offset + 1) {
    found.push(...await log.fetch(raw, partition, next, 10_000, never));
  }
  return found.map(({ offset }) => offset);
}

Deno.test("startSqliteLogWriter() refuses a folder that has a writer", () =>
  withWriter({}, async (writer, log, dir) => {
    const refused = startSqliteLogWriter(dir, topics, { lockWaitMs: 0 });
    await assert.rejects(refused, (error: Terminal) => {
      assert.equal(error.code, "data_dir_locked");
      assert.match(error.message, new RegExp(`process ${Deno.pid} has it open`));
      return error instanceof Terminal;
    });
    await log.append(raw, some(0, 1));
    await writer.close();
    await (await startSqliteLogWriter(dir, topics, { lockWaitMs: 0 })).close();
  }));

Deno.test("startSqliteLogWriter() refuses another partition count", async () => {
  const dir = await Deno.makeTempDir();
  await (await startSqliteLogWriter(dir, topics)).close();
  await assert.rejects(
    startSqliteLogWriter(dir, topicTable(24)),
    (error: Terminal) => error.code === "partition_count_changed",
  );
  await (await startSqliteLogWriter(dir, topics)).close();
  await Deno.remove(dir, { recursive: true });
});

Deno.test("startSqliteLogWriter() throws Unavailable when the folder cannot be made", async () => {
  const file = await Deno.makeTempFile();
  await assert.rejects(startSqliteLogWriter(`${file}/log`, topics), Unavailable);
  await Deno.remove(file);
});

Deno.test("the writer ends at a message it cannot make sense of, and its end is seen", () =>
  withWriter({}, async (writer, log) => {
    const { port } = writer.connect();
    port.postMessage({ type: "append", id: 1, topic: 99, parts: [], text: new ArrayBuffer(0) });
    const exit = await writer.exited;
    assert.equal(exit.type, "crashed");
    assert.ok(exit.type === "crashed" && exit.error.message.length > 0);
    await assert.rejects(log.append(raw, some(0, 1)), Unavailable);
    port.close();
  }));

Deno.test("retention drops a segment when its time is up and all have read it", () =>
  withWriter({ segmentBytesMax: 64 * 1024 }, async (writer, log, dir) => {
    for (let n = 0; n < 20; n++) await log.append(raw, [...some(0, 10), ...some(7, 10)]);
    // Moves nothing; it is answered after a roll that the last append brought.
    await log.trim(raw, 0, 0);
    const before = filesOf(dir, raw);
    assert.ok(before.length >= 4, `${before.length} segments`);
    assert.equal(writer.stats()[raw].segments, before.length);

    await log.trim(raw, 0, 200);
    await log.trim(raw, 7, 200);
    assert.deepEqual(filesOf(dir, raw), before, "dropped before its time");

    await log.append(raw, [...some(0, 1), ...some(7, 1)]);
    writer.setClockOffsetMs(8 * DAY_MS);
    // Partition 7 has an unread record in the newest segment; all the others may go.
    await log.trim(raw, 0, 201);
    const after = filesOf(dir, raw);
    assert.deepEqual(after, before.slice(-1));
    const [range] = await log.ends(raw);
    assert.ok(range!.start > 100 && range!.start <= 200 && range!.end === 201);
    await assert.rejects(log.fetch(raw, 0, range!.start - 1, 1000, never), OffsetMissing);
    assert.deepEqual(await offsetsFrom(log, 7, 200), [200]);
    assert.ok(writer.stats()[raw].bytes < 200 * 1024);
  }));

Deno.test("retention never passes a partition that is not read", () =>
  withWriter({ segmentBytesMax: 64 * 1024 }, async (writer, log) => {
    for (let n = 0; n < 20; n++) await log.append(raw, [...some(0, 10), ...some(7, 10)]);
    writer.setClockOffsetMs(30 * DAY_MS);
    await log.trim(raw, 0, 200);
    await log.trim(raw, 7, 20);
    const { start } = (await log.ends(raw))[7]!;
    assert.ok(start <= 20);
    assert.equal((await offsetsFrom(log, 7, start)).length, 200 - start);
  }));

Deno.test("at its size cap a topic drops what is read, and refuses appends when nothing is", () =>
  withWriter({ segmentBytesMax: 128 * 1024, topicBytesMax: 1024 * 1024 }, async (writer, log) => {
    const fill = async () => {
      for (let n = 0; n < 1000; n++) await log.append(raw, some(0, 20));
    };
    await assert.rejects(fill(), (error: Error) => {
      assert.match(error.message, /logBytesMaxPerTopic of 1048576/);
      return error instanceof Unavailable;
    });
    const { bytes, refused } = writer.stats()[raw];
    assert.ok(bytes > 900 * 1024 && bytes <= 1024 * 1024, `${bytes} bytes`);
    assert.equal(refused, 1);
    await log.append(deltas, some(0, 1));

    const { end } = (await log.ends(raw))[0]!;
    await log.trim(raw, 0, end);
    for (let n = 0; n < 100; n++) {
      await log.append(raw, some(0, 20));
      await log.trim(raw, 0, end + 20 * (n + 1));
    }
    assert.equal((await log.ends(raw))[0]!.end, end + 2000);
    assert.ok(writer.stats()[raw].bytes <= 1024 * 1024);
  }));

Deno.test("reading goes through all segments in order, however many", () =>
  withWriter({ segmentBytesMax: 32 * 1024 }, async (writer, log) => {
    for (let n = 0; n < 60; n++) await log.append(raw, [...some(1, 10), ...some(n % 12, 5)]);
    assert.ok(writer.stats()[raw].segments > 12);
    const { end } = (await log.ends(raw))[1]!;
    assert.deepEqual(await offsetsFrom(log, 1, 0), Array.from({ length: end }, (_, i) => i));
    // Far back again, after the newest.
    assert.equal((await log.fetch(raw, 1, 3, 1, never))[0]!.offset, 3);
    assert.equal((await offsetsFrom(log, 5, 0)).length, 25);
  }));
