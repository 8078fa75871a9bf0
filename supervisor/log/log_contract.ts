/**
 * What every {@link Log} adapter must do, as tests. An adapter's test file calls
 * {@link testLogContract}; nothing here knows which adapter it is.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidInput, OffsetMissing, Unavailable } from "../../schema/errors.ts";
import type { TopicName } from "../../schema/topics.ts";
import type { Log, LogRecord, NewRecord } from "./log.ts";

/** A log under test; it has the topics of `topicTable()` and no records. */
export interface LogUnderTest {
  readonly log: Log;
  /** Closes the current log and opens another over the same records, as a restart does. */
  readonly reopen: () => Promise<Log>;
  /** Makes the log drop now whatever `trim` allows to be dropped, where the adapter can. */
  readonly expire?: () => Promise<void>;
  readonly dispose: () => Promise<void>;
}

const raw: TopicName = "player.events.raw";
const never = new AbortController().signal;
const mib = 1024 * 1024;
const patienceMs = 10_000;
const wakeMsMax = 50;

function record(partition: number, key: string, value: string): NewRecord {
  return { partition, key, value };
}

function numbered(partition: number, count: number, from = 0): NewRecord[] {
  return Array.from(
    { length: count },
    (_, i) => record(partition, `s/u-${i}`, `{"n":${from + i}}`),
  );
}

/** Fails instead of hanging: rejects when `promise` has not settled in 10 s. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took over ${patienceMs} ms`)), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a partition from `from` to its end. */
async function readAll(log: Log, topic: TopicName, partition: number, from = 0, maxBytes = mib) {
  const { end } = (await log.ends(topic))[partition]!;
  const found: LogRecord[] = [];
  for (let next = from; next < end; next = found.at(-1)!.offset + 1) {
    const records = await within(log.fetch(topic, partition, next, maxBytes, never), "fetch()");
    assert.ok(records.length > 0, "fetch() resolved to nothing without an abort");
    found.push(...records);
  }
  return found;
}

function offsetsOf(records: readonly LogRecord[]): number[] {
  return records.map((r) => r.offset);
}

function upTo(count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** Registers the contract's tests for one adapter. @param ignore its server is not to be had */
export function testLogContract(
  name: string,
  open: () => Promise<LogUnderTest>,
  ignore = false,
): void {
  const check = (criterion: string, body: (t: LogUnderTest) => Promise<void>) =>
    Deno.test({
      name: `${name} ${criterion}`,
      ignore,
      fn: async () => {
        const under = await open();
        try {
          await body(under);
        } finally {
          await under.dispose();
        }
      },
    });
  testOrder(check);
  testReading(check);
  testTraces(check);
  testWaiting(check);
  testRestart(check);
}

type Check = (criterion: string, body: (t: LogUnderTest) => Promise<void>) => void;

function testOrder(check: Check): void {
  check("append() keeps the order within a partition, offsets gapless from 0", async ({ log }) => {
    const first = numbered(3, 50), second = numbered(3, 50, 50);
    await log.append(raw, first);
    await log.append(raw, second);
    const found = await readAll(log, raw, 3);
    assert.deepEqual(offsetsOf(found), upTo(100));
    assert.deepEqual(
      found.map(({ key, value }) => [key, value]),
      [...first, ...second].map(({ key, value }) => [key, value]),
    );
  });

  check("append() sends each record to its partition and topic", async ({ log }) => {
    const mixed = upTo(60).map((i) => record(i % 12, `s/u-${i}`, `{"n":${i}}`));
    await log.append(raw, mixed);
    await log.append("dlq.events", [record(2, "s/u", `{"dead":true}`)]);
    for (let p = 0; p < 12; p++) {
      const expected = mixed.filter((r) => r.partition === p).map((r) => r.value);
      assert.deepEqual((await readAll(log, raw, p)).map((r) => r.value), expected);
    }
    assert.deepEqual((await readAll(log, "dlq.events", 2)).map((r) => r.value), [`{"dead":true}`]);
    assert.deepEqual((await log.ends("dlq.events")).map((r) => r.end), [0, 0, 1]);
  });

  check("append() of nothing resolves and writes nothing", async ({ log }) => {
    await within(log.append(raw, []), "append()");
    assert.ok((await log.ends(raw)).every(({ start, end }) => start === 0 && end === 0));
  });

  check("append() holds under many concurrent callers", async ({ log }) => {
    const calls = upTo(400).map((c) =>
      upTo(5).map((i) => record((c * 7 + (i % 2)) % 12, `s/u-${c}`, `{"call":${c},"i":${i}}`))
    );
    await within(Promise.all(calls.map((records) => log.append(raw, records))), "append()");
    const seen = new Set<string>();
    for (let p = 0; p < 12; p++) {
      const found = await readAll(log, raw, p);
      assert.deepEqual(offsetsOf(found), upTo(found.length));
      const last = new Map<string, number>();
      for (const { key, value } of found) {
        const { i } = JSON.parse(value) as { i: number };
        assert.ok(i > (last.get(key) ?? -1), `records of one append changed places at ${value}`);
        last.set(key, i);
        seen.add(value);
      }
    }
    assert.equal(seen.size, 2000);
  });

  check("timestamps never decrease within a partition", async ({ log, reopen }) => {
    for (let i = 0; i < 5; i++) await log.append(raw, numbered(0, 3));
    const again = await reopen();
    for (let i = 0; i < 5; i++) await again.append(raw, numbered(0, 3));
    const times = (await readAll(again, raw, 0)).map((r) => r.timestamp);
    assert.equal(times.length, 30);
    times.forEach((time, i) => assert.ok(Number.isFinite(time) && time >= (times[i - 1] ?? 1)));
  });
}

function testReading(check: Check): void {
  check("ends() gives the range of each partition", async ({ log }) => {
    await log.append(raw, [...numbered(0, 3), ...numbered(11, 5)]);
    const ends = await log.ends(raw);
    assert.equal(ends.length, 12);
    assert.deepEqual(ends.map((r) => r.end), [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
  });

  check("fetch() starts at any offset, also in the middle of an append", async ({ log }) => {
    await log.append(raw, numbered(1, 40));
    for (const offset of [39, 17, 0, 18]) {
      const [head] = await within(log.fetch(raw, 1, offset, mib, never), "fetch()");
      assert.equal(head!.offset, offset);
      assert.equal(head!.value, `{"n":${offset}}`);
    }
  });

  check("fetch() honours maxBytes and gives at least one record", async ({ log }) => {
    const kib = "x".repeat(1000);
    await log.append(raw, upTo(50).map((i) => record(0, `s/u-${i}`, `"${kib}"`)));
    await log.append(raw, upTo(50).map((i) => record(0, `s/u-${i}`, `"${kib}"`)));
    const some = await log.fetch(raw, 0, 0, 10 * 1024, never);
    assert.ok(some.length >= 5 && some.length <= 11, `${some.length} records for 10 KiB`);
    assert.deepEqual(offsetsOf(await log.fetch(raw, 0, 7, 1, never)), [7]);
    assert.deepEqual(offsetsOf(await readAll(log, raw, 0, 0, 7 * 1024)), upTo(100));
  });

  check("fetch() throws OffsetMissing beyond the end and below 0", async ({ log }) => {
    await log.append(raw, numbered(4, 3));
    for (const offset of [4, 1_000_000, -1]) {
      await assert.rejects(within(log.fetch(raw, 4, offset, mib, never), "fetch()"), OffsetMissing);
    }
    await assert.rejects(within(log.fetch(raw, 5, 1, mib, never), "fetch()"), OffsetMissing);
  });

  check("text comes back as it was: unicode, tabs, quotes, large", async ({ log }) => {
    const texts: [string, string][] = [
      ["s/ü-😀-漢字", `{"t":"a\tb\t\tc"}`],
      ["", `{"empty key":1}`],
      ["\ufeffbom/first", `"\ufeffé\u2028\u2029\u0000\r\u007f"`],
      ["s/escaped", JSON.stringify({ lines: "1\n2\r\n3", lone: "\ud800", q: `"\\"` })],
      ["s/large", `"${"0123456789abcdef".repeat(60_000)}"`],
      ["s/large-unicode", `"${"😀é漢".repeat(60_000)}"`],
      ["s/after", `1`],
    ];
    await log.append(raw, texts.map(([key, value]) => record(6, key, value)));
    const found = await readAll(log, raw, 6);
    assert.deepEqual(found.map(({ key, value }) => [key, value]), texts);
  });

  check("a record that would break the framing is refused, alone", async ({ log }) => {
    const bad: NewRecord[] = [
      record(0, "s/u", `{\n}`),
      record(0, "s\n/u", `1`),
      record(0, "s\t/u", `1`),
      record(0, "s/\ud800", `1`),
      { ...record(0, "s/u", `1`), trace: "00-no-trace" },
    ];
    for (const one of bad) {
      await assert.rejects(log.append(raw, [record(0, "s/u", "1"), one]), InvalidInput);
    }
    await log.append(raw, [record(0, "s/u", "2")]);
    assert.deepEqual((await readAll(log, raw, 0)).map((r) => r.value), ["2"]);
  });
}

function testTraces(check: Check): void {
  check("a record's trace comes back with it, and with it alone", async ({ log, reopen }) => {
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const value = `{"t":"a\tb"}`;
    await log.append(raw, [
      record(6, "s/plain", value),
      { ...record(6, "s/traced", value), trace },
      { ...record(6, "", value), trace },
      record(6, "s/plain", value),
    ]);
    const found = await readAll(log, raw, 6);
    found.push(...await readAll(await reopen(), raw, 6));
    const expected = [undefined, trace, trace, undefined];
    assert.deepEqual(found.map((r) => r.trace), [...expected, ...expected]);
    assert.ok(found.every((r) => r.value === value && ("trace" in r) === (r.trace !== undefined)));
  });
}

function testWaiting(check: Check): void {
  check("fetch() at the end waits and is woken by an append", async ({ log }) => {
    const delaysMs: number[] = [];
    for (let i = 0; i < 9; i++) {
      let wokenAt = Infinity;
      const waiting = log.fetch(raw, 2, i, mib, never).then((records) => {
        wokenAt = performance.now();
        return records;
      });
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(wokenAt, Infinity, "fetch() did not wait");
      await log.append(raw, numbered(2, 1, i));
      const appendedAt = performance.now();
      const [woken] = await within(waiting, "fetch()");
      assert.deepEqual([woken!.offset, woken!.value], [i, `{"n":${i}}`]);
      delaysMs.push(wokenAt - appendedAt);
    }
    const median = delaysMs.sort((a, b) => a - b)[4]!;
    assert.ok(median < wakeMsMax, `woken ${median} ms after the append`);
  });

  check("fetch() is not answered by another partition's append", async ({ log }) => {
    const stop = new AbortController();
    const waiting = log.fetch(raw, 0, 0, mib, stop.signal);
    await log.append(raw, numbered(1, 1));
    await readAll(log, raw, 1);
    stop.abort();
    assert.deepEqual(await within(waiting, "fetch()"), []);
  });

  check("fetch() resolves to [] when its signal aborts, others wait on", async ({ log }) => {
    assert.deepEqual(await within(log.fetch(raw, 0, 0, mib, AbortSignal.abort()), "fetch()"), []);
    const stop = new AbortController();
    const stopped = log.fetch(raw, 0, 0, mib, stop.signal);
    const goesOn = log.fetch(raw, 0, 0, mib, never);
    stop.abort();
    assert.deepEqual(await within(stopped, "fetch()"), []);
    await log.append(raw, numbered(0, 1));
    assert.equal((await within(goesOn, "fetch()")).length, 1);
  });

  check("many readers of one partition all get the record", async ({ log }) => {
    const readers = upTo(20).map(() => log.fetch(raw, 9, 0, mib, never));
    await log.append(raw, numbered(9, 1));
    for (const records of await within(Promise.all(readers), "fetch()")) {
      assert.deepEqual(offsetsOf(records), [0]);
    }
  });

  check("close() settles waiting fetches, and refuses what comes after", async ({ log }) => {
    const waiting = log.fetch(raw, 0, 0, mib, never).then(() => "resolved", () => "rejected");
    await log.close();
    assert.equal(await within(waiting, "fetch()"), "rejected");
    await assert.rejects(log.append(raw, numbered(0, 1)), Unavailable);
  });
}

function testRestart(check: Check): void {
  check("records and offsets survive a reopen", async ({ log, reopen }) => {
    await log.append(raw, [...numbered(0, 10), ...numbered(5, 2)]);
    const again = await reopen();
    await again.append(raw, numbered(0, 10, 10));
    const found = await readAll(again, raw, 0);
    assert.deepEqual(offsetsOf(found), upTo(20));
    assert.deepEqual(found.map((r) => r.value), numbered(0, 20).map((r) => r.value));
    assert.equal((await readAll(again, raw, 5)).length, 2);
  });

  check("trim() never takes a record at or above the mark", async ({ log, reopen, expire }) => {
    await log.append(raw, [...numbered(0, 20), ...numbered(1, 20)]);
    await log.trim(raw, 0, 12);
    await expire?.();
    const { start, end } = (await log.ends(raw))[0]!;
    assert.ok(start <= 12 && end === 20);
    assert.deepEqual(offsetsOf(await readAll(log, raw, 0, 12)), upTo(8, 12));
    assert.deepEqual(offsetsOf(await readAll(log, raw, 1)), upTo(20));
    const again = await reopen();
    assert.deepEqual(offsetsOf(await readAll(again, raw, 0, 12)), upTo(8, 12));
  });

  check("offsets go on after all was trimmed, also over a reopen", async (under) => {
    await under.log.append(raw, upTo(12).flatMap((p) => numbered(p, 10 + p)));
    await Promise.all(upTo(12).map((p) => under.log.trim(raw, p, 10 + p)));
    await under.expire?.();
    const again = await under.reopen();
    for (const [p, range] of (await again.ends(raw)).entries()) {
      assert.equal(range.end, 10 + p);
      if (under.expire) assert.equal(range.start, 10 + p, "the expired records were not dropped");
      if (range.start === 0) continue;
      await assert.rejects(again.fetch(raw, p, range.start - 1, mib, never), OffsetMissing);
    }
    await again.append(raw, upTo(12).flatMap((p) => numbered(p, 1, 99)));
    for (let p = 0; p < 12; p++) {
      const found = await readAll(again, raw, p, 10 + p);
      assert.deepEqual(found.map((r) => [r.offset, r.value]), [[10 + p, `{"n":99}`]]);
    }
  });
}
