import assert from "node:assert/strict";
import { Unavailable } from "../../../schema/errors.ts";
import { topicTable } from "../../../schema/topics.ts";
import type { NewRecord } from "../log.ts";
import { testLogContract, within } from "../log_contract.ts";
import { openSqliteLog, type SqliteLog } from "./sqlite_log.ts";
import { type SqliteLogWriter, startSqliteLogWriter } from "./writer.ts";

const topics = topicTable();
const raw = "player.events.raw";
const never = new AbortController().signal;
const DAY_MS = 86_400_000;
const wakeMsMax = 50;

testLogContract("SqliteLog", async () => {
  const dir = await Deno.makeTempDir();
  let writer = await startSqliteLogWriter(dir, topics);
  let log = openSqliteLog(writer.connect());
  return {
    log,
    reopen: async () => {
      await log.close();
      await writer.close();
      writer = await startSqliteLogWriter(dir, topics);
      log = openSqliteLog(writer.connect());
      return log;
    },
    expire: async () => {
      writer.setClockOffsetMs(8 * DAY_MS);
      // A mark at 0 moves nothing; answering it looks for segments to drop.
      await log.trim(raw, 0, 0);
    },
    dispose: async () => {
      await log.close();
      await writer.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
});

/** Runs `body` with a log of its own. */
async function withLog(
  body: (writer: SqliteLogWriter, log: SqliteLog) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  const writer = await startSqliteLogWriter(dir, topics);
  const log = openSqliteLog(writer.connect());
  try {
    await body(writer, log);
  } finally {
    await log.close();
    await writer.close();
    await Deno.remove(dir, { recursive: true });
  }
}

function one(partition: number, value: string): NewRecord[] {
  return [{ partition, key: "s/u", value }];
}

Deno.test("SqliteLog commits many concurrent appends in few flushes", () =>
  withLog(async (writer) => {
    const clients = Array.from({ length: 10 }, () => openSqliteLog(writer.connect()));
    await Promise.all(
      clients.flatMap((client, c) =>
        Array.from({ length: 100 }, async (_, n) => {
          // Not all in one turn: a client sends what one turn appends as one message anyway.
          for (let turn = n % 7; turn > 0; turn--) await client.ends(raw);
          await client.append(raw, one(n % 12, `"${c}-${n}"`));
        })
      ),
    );
    const { flushes, records } = writer.stats()[raw];
    assert.equal(records, 1000);
    assert.ok(flushes <= 100, `${flushes} flushes for 1000 appends`);
    for (const client of clients) await client.close();
  }));

Deno.test("SqliteLog wakes a reader in another worker without polling", () =>
  withLog(async (writer, log) => {
    const worker = new Worker(new URL("./testdata/reading_worker.ts", import.meta.url), {
      type: "module",
    });
    const heard: unknown[] = [];
    let wake = () => {};
    worker.onmessage = ({ data }) => {
      heard.push(data);
      wake();
    };
    const next = async () => {
      if (heard.length === 0) {
        await within(new Promise<void>((resolve) => wake = resolve), "the worker's reading");
      }
      return heard.shift();
    };
    const connection = writer.connect();
    worker.postMessage({ connection, partition: 3 }, [connection.port]);
    assert.equal(await next(), "ready");
    const delaysMs: number[] = [];
    for (let n = 0; n < 21; n++) {
      await log.append(raw, one(3, `${n}`));
      const durableAtMs = performance.timeOrigin + performance.now();
      const seen = await next() as { offset: number; value: string; seenAtMs: number };
      assert.deepEqual([seen.offset, seen.value], [n, `${n}`]);
      delaysMs.push(seen.seenAtMs - durableAtMs);
    }
    const median = delaysMs.sort((a, b) => a - b)[10]!;
    assert.ok(median < wakeMsMax, `seen ${median} ms after the append`);
    worker.terminate();
    // The reader's end leaves a waiter behind in shared memory; that must harm nobody.
    for (let n = 0; n < 5; n++) await log.append(raw, one(3, "0"));
    assert.equal((await log.ends(raw))[3]!.end, 26);
  }));

Deno.test("SqliteLog goes on with the next writer after a crash of the first", async () => {
  const dir = await Deno.makeTempDir();
  const first = await startSqliteLogWriter(dir, topics, { offsetMs: 60_000 });
  const log = openSqliteLog(first.connect());
  await log.append(raw, one(0, "0"));
  const waiting = log.fetch(raw, 0, 1, 1000, never);
  first.kill();
  assert.equal((await first.exited).type, "crashed");
  await assert.rejects(log.append(raw, one(0, "lost")), Unavailable);
  assert.equal(log.isConnected, false);
  assert.equal((await log.fetch(raw, 0, 0, 1000, never)).length, 1, "reading needs no writer");

  const second = await startSqliteLogWriter(dir, topics, { lockWaitMs: 10_000 });
  log.reconnect(second.connect());
  assert.equal(log.isConnected, true);
  await log.append(raw, one(0, "1"));
  const [woken] = await within(waiting, "fetch()");
  assert.deepEqual([woken!.offset, woken!.value], [1, "1"]);
  const [before] = await log.fetch(raw, 0, 0, 1, never);
  assert.ok(woken!.timestamp >= before!.timestamp, "the clock went back with the writer");
  await log.close();
  await second.close();
  await Deno.remove(dir, { recursive: true });
});

Deno.test("SqliteLog answers appends under way with OutcomeUnknown when the writer crashes", () =>
  withLog(async (writer, log) => {
    const answers = Array.from(
      { length: 200 },
      (_, n) => log.append(raw, one(n % 12, `${n}`)).then(() => "durable", (error) => error.name),
    );
    await Promise.resolve();
    writer.kill();
    const kinds = new Set(await within(Promise.all(answers), "append()"));
    kinds.delete("durable");
    assert.deepEqual([...kinds], ["OutcomeUnknown"]);
    assert.equal(log.pendingBytes, 0);
  }));
