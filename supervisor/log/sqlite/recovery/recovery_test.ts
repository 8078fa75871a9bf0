import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { limits } from "../../../../schema/limits.ts";
import { OffsetMissing, type Terminal } from "../../../../schema/errors.ts";
import { topicTable } from "../../../../schema/topics.ts";
import type { NewRecord } from "../../log.ts";
import type { CutReport } from "./recover_topic.ts";
import { segmentPath } from "../segment.ts";
import { openSqliteLog, type SqliteLog } from "../sqlite_log.ts";
import { damageDirectory, damageText, removeFlush } from "../testing/open_topic.ts";
import { startSqliteLogWriter } from "../writer.ts";

const topics = topicTable();
const raw = "player.events.raw";
const never = new AbortController().signal;
const hole = limits.appendQueueBytesMax / 2;

function some(partition: number, count: number): NewRecord[] {
  return Array.from({ length: count }, (_, n) => ({ partition, key: `s/u-${n}`, value: `${n}` }));
}

/**
 * A log of four flushes, then closed: of partition 4 offsets 0 to 9 in the first, 10 to 19 in the
 * second, 20 to 29 in the fourth; of partition 5 ten records in the third and five in the fourth.
 */
async function damagedLog(damage: (path: string, dir: string) => void): Promise<string> {
  const dir = await Deno.makeTempDir();
  const writer = await startSqliteLogWriter(dir, topics);
  const log = openSqliteLog(writer.connect());
  await log.append(raw, some(4, 10));
  await log.append(raw, some(4, 10));
  await log.append(raw, some(5, 10));
  await log.append(raw, [...some(4, 10), ...some(5, 5)]);
  await log.close();
  await writer.close();
  damage(segmentPath(`${dir}/${raw}`, 1), dir);
  return dir;
}

function texts(count: number): string[] {
  return some(0, count).map(({ value }) => value);
}

async function reopened(
  dir: string,
  body: (log: SqliteLog, cuts: CutReport[]) => Promise<void>,
): Promise<void> {
  const cuts: CutReport[] = [];
  const writer = await startSqliteLogWriter(dir, topics, { onCut: (cut) => cuts.push(cut) });
  const log = openSqliteLog(writer.connect());
  try {
    await body(log, cuts);
  } finally {
    await log.close();
    await writer.close();
  }
}

async function refusal(dir: string): Promise<Terminal> {
  try {
    await (await startSqliteLogWriter(dir, topics)).close();
  } catch (error) {
    return error as Terminal;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
  throw new Error("the log was opened");
}

function isCorrupt(error: Terminal): boolean {
  return error.code === "log_corrupt";
}

Deno.test("of a corrupt last flush only the damaged text is cut, reported, its offsets not given again", async () => {
  const dir = await damagedLog((path) => damageText(path, 4, 4));
  await reopened(dir, async (log, cuts) => {
    const file = segmentPath(`${dir}/${raw}`, 1);
    assert.deepEqual(cuts, [{ topic: raw, partition: 4, from: 20, to: 30, file }]);
    assert.deepEqual((await log.ends(raw)).slice(4, 6).map(({ end }) => end), [30, 15]);
    assert.equal((await log.fetch(raw, 4, 0, 1 << 20, never)).length, 20);
    // A reader at the cut, or anywhere in it, goes on behind it.
    const waiting = log.fetch(raw, 4, 20, 1 << 20, never);
    await log.append(raw, some(4, 2));
    assert.deepEqual((await waiting).map(({ offset }) => offset), [30, 31]);
    assert.equal((await log.fetch(raw, 4, 25, 1 << 20, never))[0]!.offset, 30);
    const across = await log.fetch(raw, 4, 15, 1 << 20, never);
    assert.deepEqual(across.map(({ offset }) => offset), [15, 16, 17, 18, 19, 30, 31]);
    await assert.rejects(log.fetch(raw, 4, 33, 1 << 20, never), OffsetMissing);
    const others = await log.fetch(raw, 5, 0, 1 << 20, never);
    assert.deepEqual(others.map(({ value }) => value), texts(10).concat(texts(5)));
  });
  await reopened(dir, async (log, cuts) => {
    assert.deepEqual(cuts, [], "the cut was reported again");
    assert.equal((await log.ends(raw))[4]!.end, 32);
  });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a last flush whose directory is damaged is a hole in every partition, as wide as can be", async () => {
  const dir = await damagedLog((path) => damageDirectory(path, 4));
  const before = (partition: number) => partition === 4 ? 20 : partition === 5 ? 10 : 0;
  await reopened(dir, async (log, cuts) => {
    assert.deepEqual(
      cuts.map(({ partition, from, to }) => [partition, from, to]),
      Array.from({ length: 12 }, (_, p) => [p, before(p), before(p) + hole]),
    );
    assert.deepEqual(
      (await log.ends(raw)).map(({ end }) => end),
      Array.from({ length: 12 }, (_, p) => before(p) + hole),
    );
    assert.equal((await log.fetch(raw, 4, 0, 1 << 20, never)).length, 20);
    const waiting = log.fetch(raw, 4, 20, 1 << 20, never);
    await log.append(raw, some(4, 2));
    assert.deepEqual((await waiting).map(({ offset }) => offset), [20 + hole, 21 + hole]);
    assert.equal((await log.fetch(raw, 5, 0, 1 << 20, never)).length, 10);
  });
  await reopened(dir, async (log, cuts) => {
    assert.deepEqual(cuts, [], "the cut was reported again");
    assert.equal((await log.ends(raw))[4]!.end, 22 + hole);
  });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a corrupt text before the last flush halts its readers with log_corrupt", async () => {
  const dir = await damagedLog((path) => damageText(path, 2, 4));
  await reopened(dir, async (log, cuts) => {
    assert.deepEqual(cuts, []);
    const before = await log.fetch(raw, 4, 0, 1 << 20, never);
    assert.equal(before.length, 10, "what is good before the fault is read");
    await assert.rejects(log.fetch(raw, 4, 10, 1 << 20, never), (error: Terminal) => {
      assert.match(error.message, /player\.events\.raw\/4 at offset 10: .*flush 2 .* checksum/);
      return isCorrupt(error);
    });
    assert.equal((await log.fetch(raw, 4, 20, 1 << 20, never)).length, 10);
    assert.equal((await log.fetch(raw, 5, 0, 1 << 20, never)).length, 15);
  });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("damage in a flush halts the readers of the partition it hit, and no others", async () => {
  const dir = await damagedLog(() => {});
  const writer = await startSqliteLogWriter(dir, topics);
  const log = openSqliteLog(writer.connect());
  await log.append(raw, [...some(4, 1), ...some(5, 1)]);
  damageText(segmentPath(`${dir}/${raw}`, 1), 5, 5);
  assert.equal((await log.fetch(raw, 4, 0, 1 << 20, never)).length, 31);
  await assert.rejects(log.fetch(raw, 5, 15, 1 << 20, never), isCorrupt);
  await log.close();
  await writer.close();
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a damaged directory before the last flush halts readers of what it had", async () => {
  const dir = await damagedLog((path) => damageDirectory(path, 2));
  await reopened(dir, async (log, cuts) => {
    assert.deepEqual(cuts, []);
    assert.equal((await log.fetch(raw, 4, 0, 1 << 20, never)).length, 10);
    await assert.rejects(log.fetch(raw, 4, 12, 1 << 20, never), (error: Terminal) => {
      assert.match(error.message, /raw\/4 at offset 12: .*directory of flush 2 fails its checksum/);
      return isCorrupt(error);
    });
    assert.equal((await log.fetch(raw, 4, 20, 1 << 20, never)).length, 10);
    assert.equal((await log.fetch(raw, 5, 0, 1 << 20, never)).length, 15);
  });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a flush that is gone halts its readers with log_corrupt", async () => {
  const dir = await damagedLog((path) => removeFlush(path, 2));
  await reopened(dir, async (log) => {
    await assert.rejects(log.fetch(raw, 4, 12, 1 << 20, never), isCorrupt);
  });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a file that SQLite cannot read refuses the start with log_corrupt", async () => {
  const dir = await damagedLog((path) => {
    const bytes = Deno.readFileSync(path);
    Deno.writeFileSync(path, bytes.fill(0x5a, 0, 8192));
  });
  assert.equal((await refusal(dir)).code, "log_corrupt");
});

Deno.test("a missing segment refuses the start with log_corrupt", async () => {
  const dir = await damagedLog((path, dir) =>
    Deno.copyFileSync(path, segmentPath(`${dir}/${raw}`, 3))
  );
  const { code, message } = await refusal(dir);
  assert.equal(code, "log_corrupt");
  assert.match(message, /00000002\.db is missing/);
});

Deno.test("a segment of another format refuses the start with log_format", async () => {
  const dir = await damagedLog((path) => {
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 99");
    db.close();
  });
  assert.equal((await refusal(dir)).code, "log_format");
});

Deno.test("what a crash left of a segment's creation or removal is cleared away", async () => {
  const dir = await damagedLog((_, dir) => {
    Deno.writeFileSync(segmentPath(`${dir}/${raw}`, 2), new Uint8Array());
    Deno.writeFileSync(`${segmentPath(`${dir}/${raw}`, 0)}-wal`, new Uint8Array(100));
  });
  await reopened(dir, async (log) => {
    await log.append(raw, some(4, 10));
    assert.equal((await log.fetch(raw, 4, 0, 1 << 20, never)).length, 40);
    const names = [...Deno.readDirSync(`${dir}/${raw}`)].map(({ name }) => name);
    assert.ok(names.every((name) => name.startsWith("00000001.db")), names.join(" "));
  });
  await Deno.remove(dir, { recursive: true });
});
