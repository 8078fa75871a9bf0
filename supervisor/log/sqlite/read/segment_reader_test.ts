import assert from "node:assert/strict";
import { flushesPerBlock } from "../flush.ts";
import { type OpenTopic, withTopic } from "../testing/open_topic.ts";
import { SegmentReader } from "./segment_reader.ts";

const mib = 1024 * 1024;

function withReader(body: (topic: OpenTopic, reader: SegmentReader) => void): void {
  withTopic((topic) => {
    const reader = new SegmentReader(topic.dir, topic.positions);
    try {
      body(topic, reader);
    } finally {
      reader.close();
    }
  });
}

/** How many records a read gives; their values must be their offsets. */
function read(
  { topic, positions }: OpenTopic,
  reader: SegmentReader,
  partition: number,
  offset: number,
) {
  const end = positions.end(topic, partition);
  const { records } = reader.read(topic, partition, offset, end, mib);
  records.forEach((record, i) => {
    assert.deepEqual([record.offset, record.value], [offset + i, `${offset + i}`]);
  });
  return records.length;
}

Deno.test("SegmentReader fetches no more when it has enough, and takes along what others fetched", () =>
  withReader((topic, reader) => {
    for (let n = 0; n < 6; n++) topic.flush({ 0: 600, 1: 600, 2: 1 });
    assert.equal(read(topic, reader, 0, 0), 1200);
    assert.equal(read(topic, reader, 0, 1200), 1200);
    assert.equal(read(topic, reader, 1, 0), 2400);
    assert.equal(read(topic, reader, 1, 2400), 1200);
    assert.equal(read(topic, reader, 2, 0), 6, "few records are worth fetching all flushes");
    assert.equal(read(topic, reader, 1, 300), 3300);
  }));

Deno.test("SegmentReader reads far behind and at the end by turns, all records once", () =>
  withReader((topic, reader) => {
    let behind = 0;
    let atEnd = 0;
    for (let flush = 1; flush <= flushesPerBlock + 60; flush++) {
      topic.flush(flush % 40 === 0 ? { 0: 3, 5: 2 } : { 0: 3 });
      atEnd += read(topic, reader, 0, atEnd);
      assert.equal(atEnd, 3 * flush);
      if (flush % 80 === 0) behind += read(topic, reader, 5, behind);
    }
    assert.equal(behind, 8);
    const again = new SegmentReader(topic.dir, topic.positions);
    assert.equal(read(topic, again, 0, 1), atEnd - 1);
    again.close();
  }));
