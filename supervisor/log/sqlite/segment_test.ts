import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Terminal } from "../../../schema/errors.ts";
import { flushesPerBlock, isFirstOfBlock } from "./flush.ts";
import { checkpointBytes, openSegment, segmentPath } from "./segment.ts";
import { withTopic } from "./testing/open_topic.ts";

Deno.test("a segment shows its records to people with a SQLite shell", () =>
  withTopic((topic) => {
    topic.flush({ 4: 2, 7: 1 });
    topic.flush({ 7: 2 });
    const db = new DatabaseSync(topic.path, { readOnly: true });
    const rows = db.prepare(
      "SELECT flush, partition, base_offset, count, appended, lines FROM batches ORDER BY 1, 2",
    ).all();
    db.close();
    const appended = "1970-01-01 00:00:01";
    assert.deepEqual(rows.map((row) => ({ ...row })), [
      { flush: 1, partition: 4, base_offset: 0, count: 2, appended, lines: "k\t0\nk\t1\n" },
      { flush: 1, partition: 7, base_offset: 0, count: 1, appended, lines: "k\t0\n" },
      { flush: 2, partition: 7, base_offset: 1, count: 2, appended, lines: "k\t1\nk\t2\n" },
    ]);
  }));

/** How many partitions each flush of a segment names, by its number. */
function namedIn(path: string): Map<number, number> {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare("SELECT id, json_array_length(parts) AS parts FROM flush").all() as {
    id: number;
    parts: number;
  }[];
  db.close();
  return new Map(rows.map(({ id, parts }) => [id, parts]));
}

Deno.test("the first flush of each block names every partition, the others theirs alone", () =>
  withTopic((topic) => {
    for (let n = 0; n <= flushesPerBlock; n++) topic.flush({ 4: 1 });
    const named = namedIn(topic.path);
    assert.equal(named.size, flushesPerBlock + 1);
    for (const [flush, parts] of named) {
      assert.equal(parts, isFirstOfBlock(flush) ? 12 : 1, `flush ${flush}`);
    }
  }));

Deno.test("flushes are numbered from 1 in each segment", () =>
  withTopic((topic) => {
    for (let n = 0; n < 2; n++) {
      topic.flush({ 4: 1 });
      topic.writer.tend();
      topic.flush({ 7: 1 });
    }
    const second = segmentPath(`${topic.dir}/player.events.raw`, 2);
    assert.deepEqual([...namedIn(second)], [[1, 12], [2, 1]]);
  }, 1));

Deno.test("openSegment() refuses another format and says what to do", () =>
  withTopic((topic) => {
    topic.flush({ 0: 1 });
    const db = new DatabaseSync(topic.path);
    db.exec("PRAGMA user_version = 1");
    db.close();
    assert.throws(() => openSegment(topic.path), (error: Terminal) => {
      assert.equal(error.code, "log_format");
      assert.match(
        error.message,
        /format is 1 and this version reads 2: start on an empty DATA_DIR/,
      );
      return true;
    });
  }));

Deno.test("tend() moves the WAL into the segment before it grows far beyond a checkpoint's size", () =>
  withTopic((topic) => {
    const body = new TextEncoder().encode(`k\t${"v".repeat(200_000)}\n`);
    const part = { partition: 3, count: 1, bytes: body.length };
    for (let n = 0; n < 60; n++) {
      topic.writer.append({ parts: [part], body }, 1_000 + n);
      topic.writer.tend();
    }
    const wal = Deno.statSync(`${topic.path}-wal`).size;
    assert.ok(wal < 2 * checkpointBytes, `${wal} bytes in the WAL`);
    const segment = Deno.statSync(topic.path).size;
    assert.ok(segment > 50 * body.length, `${segment} bytes in the segment`);
  }));
