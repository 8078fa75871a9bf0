import assert from "node:assert/strict";
import { limits } from "../../../../schema/limits.ts";
import { flushesPerBlock } from "../flush.ts";
import { SegmentReader } from "../read/segment_reader.ts";
import { damageDirectory, type OpenTopic, openTopic, removeFlush } from "../testing/open_topic.ts";

const hole = limits.appendQueueBytesMax / 2;
const flushes = flushesPerBlock + 20;

/** Fills a topic, does `damage` to it, opens it again. */
function reopenedAfter(
  damage: (path: string) => void,
  body: (topic: OpenTopic, ends: number[]) => void,
): void {
  const dir = Deno.makeTempDirSync();
  const first = openTopic(dir);
  for (let flush = 1; flush <= flushes; flush++) {
    first.flush(flush === 3 ? { 0: 1, 7: 4 } : { 0: 1 });
  }
  first.writer.close();
  damage(first.path);
  const topic = openTopic(dir);
  const ends = Array.from({ length: 12 }, (_, p) => topic.positions.end(topic.topic, p));
  try {
    body(topic, ends);
  } finally {
    topic.writer.close();
    Deno.removeSync(dir, { recursive: true });
  }
}

function read(topic: OpenTopic, partition: number, offset: number) {
  const reader = new SegmentReader(topic.dir, topic.positions);
  const end = topic.positions.end(topic.topic, partition);
  try {
    return reader.read(topic.topic, partition, offset, end, 1 << 20).records;
  } finally {
    reader.close();
  }
}

Deno.test("recovery finds the end of a partition that was last written long ago", () =>
  reopenedAfter(() => {}, (topic, ends) => {
    assert.deepEqual(ends, [flushes, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    topic.flush({ 7: 1, 9: 1 });
    assert.deepEqual(read(topic, 7, 3).map(({ offset, value }) => [offset, value]), [
      [3, "3"],
      [4, "4"],
    ]);
    assert.equal(read(topic, 9, 0).length, 1);
  }));

Deno.test("recovery looks past a block whose first directory is damaged, and gives no offset twice", () =>
  reopenedAfter((path) => damageDirectory(path, flushesPerBlock + 1), (topic, ends) => {
    assert.deepEqual(topic.cuts, []);
    // Of those not seen since, as many may have been in it as a flush can have.
    const expected = ends.map((_, p) => p === 0 ? flushes : (p === 7 ? 4 : 0) + hole);
    assert.deepEqual(ends, expected);
    topic.flush({ 7: 1 });
    assert.deepEqual(read(topic, 7, 4 + hole).map(({ offset }) => offset), [4 + hole]);
    assert.throws(() => read(topic, 7, 4), /directory of flush 129 fails/);
    assert.equal(read(topic, 0, 0).length, flushesPerBlock);
  }));

Deno.test("recovery counts a flush that is gone as one that may have had records", () =>
  reopenedAfter((path) => removeFlush(path, flushes - 1), (_, ends) => {
    assert.deepEqual(ends, ends.map((_, p) => p === 0 ? flushes : (p === 7 ? 4 : 0) + hole));
  }));

Deno.test("recovery goes on from the hole, not from before it, when it is opened once more", () =>
  reopenedAfter((path) => damageDirectory(path, flushes), (topic, ends) => {
    assert.equal(topic.cuts.length, 12);
    assert.deepEqual(ends, ends.map((_, p) => (p === 0 ? flushes - 1 : p === 7 ? 4 : 0) + hole));
    topic.flush({ 3: 1 });
    const again = openTopic(topic.dir);
    assert.deepEqual(again.cuts, []);
    assert.equal(again.positions.end(topic.topic, 3), hole + 1);
    assert.equal(again.positions.end(topic.topic, 7), hole + 4);
    again.writer.close();
  }));
