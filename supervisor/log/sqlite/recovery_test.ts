import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { limits } from "../../../schema/limits.ts";
import { OffsetMissing, type Terminal } from "../../../schema/errors.ts";
import { topicTable } from "../../../schema/topics.ts";
import type { NewRecord } from "../log.ts";
import type { CutReport } from "./recovery.ts";
import { batchId, segmentPath } from "./segment.ts";
import { openSqliteLog, type SqliteLog } from "./sqlite_log.ts";
import { startSqliteLogWriter } from "./writer.ts";

const topics = topicTable();
const raw = "player.events.raw";
const never = new AbortController().signal;
const hole = limits.appendQueueBytesMax / 2;

function some(partition: number, count: number): NewRecord[] {
  return Array.from({ length: count }, (_, n) => ({ partition, key: `s/u-${n}`, value: `${n}` }));
}

/** A log of three batches (offsets 0, 10, 20) in partition 4 and one in partition 5, then closed. */
async function damagedLog(damage: (path: string, dir: string) => void): Promise<string> {
  const dir = await Deno.makeTempDir();
  const writer = await startSqliteLogWriter(dir, topics);
  const log = openSqliteLog(writer.connect());
  for (let n = 0; n < 3; n++) await log.append(raw, some(4, 10));
  await log.append(raw, some(5, 10));
  await log.close();
  await writer.close();
  damage(segmentPath(`${dir}/${raw}`, 1), dir);
  return dir;
}

/** Turns one bit of a batch's body. */
function flipBit(path: string, partition: number, offset: number): void {
  const db = new DatabaseSync(path);
  const id = batchId(partition, offset);
  const { body } = db.prepare("SELECT body FROM batch WHERE id = ?").get(id) as {
    body: Uint8Array;
  };
  body[body.length >> 1]! ^= 4;
  db.prepare("UPDATE batch SET body = ? WHERE id = ?").run(body, id);
  db.close();
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

Deno.test("a corrupt last batch is cut, reported, and its offsets are never given again", async () => {
  const dir = await damagedLog((path) => flipBit(path, 4, 20));
  await reopened(dir, async (log, cuts) => {
    assert.equal(cuts.length, 1);
    const { topic, partition, from, to } = cuts[0]!;
    assert.deepEqual({ topic, partition, from, to }, {
      topic: raw,
      partition: 4,
      from: 20,
      to: 20 + hole,
    });
    assert.equal((await log.ends(raw))[4]!.end, to);
    assert.equal((await log.fetch(raw, 4, 0, 1 << 20, never)).length, 20);
    // A reader at the cut, or anywhere in it, goes on behind it.
    const waiting = log.fetch(raw, 4, 20, 1 << 20, never);
    await log.append(raw, some(4, 2));
    assert.deepEqual((await waiting).map(({ offset }) => offset), [to, to + 1]);
    assert.equal((await log.fetch(raw, 4, 25, 1 << 20, never))[0]!.offset, to);
    const across = await log.fetch(raw, 4, 15, 1 << 20, never);
    assert.deepEqual(across.map(({ offset }) => offset), [15, 16, 17, 18, 19, to, to + 1]);
    await assert.rejects(log.fetch(raw, 4, to + 3, 1 << 20, never), OffsetMissing);
    assert.equal((await log.fetch(raw, 5, 0, 1 << 20, never)).length, 10);
  });
  await reopened(dir, async (log, cuts) => {
    assert.deepEqual(cuts, [], "the cut was reported again");
    assert.equal((await log.ends(raw))[4]!.end, 20 + hole + 2);
  });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a corrupt batch before the last halts its readers with log_corrupt", async () => {
  const dir = await damagedLog((path) => flipBit(path, 4, 10));
  await reopened(dir, async (log, cuts) => {
    assert.deepEqual(cuts, []);
    const before = await log.fetch(raw, 4, 0, 1 << 20, never);
    assert.equal(before.length, 10, "what is good before the fault is read");
    await assert.rejects(log.fetch(raw, 4, 10, 1 << 20, never), isCorrupt);
    assert.equal((await log.fetch(raw, 4, 20, 1 << 20, never)).length, 10);
    assert.equal((await log.fetch(raw, 5, 0, 1 << 20, never)).length, 10);
  });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a batch that is gone halts its readers with log_corrupt", async () => {
  const dir = await damagedLog((path) => {
    const db = new DatabaseSync(path);
    db.prepare("DELETE FROM batch WHERE id = ?").run(batchId(4, 10));
    db.close();
  });
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
