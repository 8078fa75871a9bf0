import assert from "node:assert/strict";
import { flushesPerBlock } from "../flush.ts";
import { openSegmentToRead } from "../segment.ts";
import {
  damageDirectory,
  type OpenTopic,
  removeFlush,
  repairDirectory,
  withTopic,
} from "../testing/open_topic.ts";
import { type Block, FlushIndex } from "./flush_index.ts";
import { Recent } from "./recent.ts";

/** What flush each offset is in, by partition. */
type Model = number[][];

/**
 * Two and a half blocks. Partition 0 has a record in each flush, 1 and 2 in some; 3 in the first
 * flush only, 4 in one amid the second block, 5 in the first of the second block and in the last.
 */
function fill(topic: OpenTopic): { model: Model; flushes: number } {
  const model: Model = Array.from({ length: 12 }, () => []);
  const flushes = 2 * flushesPerBlock + flushesPerBlock / 2;
  for (let flush = 1; flush <= flushes; flush++) {
    const counts: Record<number, number> = { 0: 1 };
    if (flush % 3 === 0) counts[1] = 1 + flush % 4;
    if (flush % 50 === 49) counts[2] = 5;
    if (flush === 1) counts[3] = 2;
    if (flush === flushesPerBlock + 40) counts[4] = 3;
    if (flush === flushesPerBlock + 1 || flush === flushes) counts[5] = 1;
    topic.flush(counts);
    for (const [partition, count] of Object.entries(counts)) {
      for (let i = 0; i < count; i++) model[Number(partition)]!.push(flush);
    }
  }
  return { model, flushes };
}

function open(topic: OpenTopic, partsMax = 100_000) {
  const db = openSegmentToRead(topic.path);
  return { db, index: new FlushIndex("raw/1", db, new Recent<Block>(partsMax)) };
}

/** Every offset there is. */
function offsetsOf(model: Model): [partition: number, offset: number][] {
  return model.flatMap((flushes, partition) =>
    flushes.map((_, offset): [number, number] => [partition, offset])
  );
}

/** Asks for every offset; those of `lost` flushes must not be found, and say which are damaged. */
function checkAll(topic: OpenTopic, model: Model, lost: number[], why: RegExp): void {
  const { db, index } = open(topic);
  for (const [partition, offset] of offsetsOf(model)) {
    const flush = model[partition]![offset]!;
    if (lost.includes(flush)) {
      assert.throws(() => index.find(partition, offset), (error: Error) => {
        assert.match(error.message, why);
        return error instanceof RangeError;
      });
    } else {
      assert.equal(index.find(partition, offset).flush, flush, `${partition} at ${offset}`);
    }
  }
  db.close();
}

Deno.test("FlushIndex finds every offset, forwards, backwards and by turns, also of partitions with few", () =>
  withTopic((topic) => {
    const { model } = fill(topic);
    const forwards = offsetsOf(model);
    // Offsets of all partitions at far ends of the segment, one after the other.
    const byTurns = forwards.map((_, i) => forwards[i * 7919 % forwards.length]!);
    for (const partsMax of [100_000, 1]) {
      for (const order of [forwards, forwards.toReversed(), byTurns]) {
        const { db, index } = open(topic, partsMax);
        for (const [partition, offset] of order) {
          const part = index.find(partition, offset);
          assert.equal(part.flush, model[partition]![offset], `${partition} at ${offset}`);
          assert.ok(part.base <= offset && offset < part.base + part.count);
        }
        db.close();
      }
    }
  }));

Deno.test("FlushIndex finds what was written since it looked, while others read far behind", () =>
  withTopic((topic) => {
    topic.flush({ 0: 1, 1: 1 });
    const { db, index } = open(topic);
    for (let flush = 2; flush <= 2 * flushesPerBlock + 3; flush++) {
      topic.flush(flush === 200 ? { 0: 1, 1: 1 } : { 0: 1 });
      assert.equal(index.find(0, flush - 1).flush, flush);
      assert.equal(index.find(0, flush >> 1).flush, (flush >> 1) + 1);
      assert.equal(index.find(1, 0).flush, 1);
    }
    assert.equal(index.find(1, 1).flush, 200);
    db.close();
  }));

Deno.test("FlushIndex keeps no more than it may", () =>
  withTopic((topic) => {
    const { model, flushes } = fill(topic);
    const blocks = new Recent<Block>(400);
    const db = openSegmentToRead(topic.path);
    const index = new FlushIndex("raw/1", db, blocks);
    for (const [partition, offset] of offsetsOf(model)) index.find(partition, offset);
    const kept = [0, 1, 2].flatMap((number) => blocks.get(`raw/1/${number}`) ?? []);
    assert.ok(kept.length > 0 && kept.reduce((sum, { size }) => sum + size, 0) <= 400);
    assert.ok(kept.every(({ size }) => size < flushes));
    db.close();
  }));

Deno.test("FlushIndex misses a damaged directory's offsets only, wherever it is in its block", () =>
  withTopic((topic) => {
    const { model } = fill(topic);
    for (const flush of [1, 60, flushesPerBlock, flushesPerBlock + 1, 2 * flushesPerBlock + 1]) {
      damageDirectory(topic.path, flush);
      checkAll(topic, model, [flush], new RegExp(`directory of flush ${flush} fails`));
      repairDirectory(topic.path, flush);
    }
    // The first flushes of all blocks at once.
    const firsts = [0, 1, 2].map((block) => block * flushesPerBlock + 1);
    for (const flush of firsts) damageDirectory(topic.path, flush);
    checkAll(topic, model, firsts, /directory of flush [\d, ]+ fails/);
  }));

Deno.test("FlushIndex misses the offsets of flushes that are gone", () =>
  withTopic((topic) => {
    const { model, flushes } = fill(topic);
    const gone = [7, flushesPerBlock, flushesPerBlock + 1, flushes];
    for (const flush of gone) removeFlush(topic.path, flush);
    checkAll(topic, model, gone, /no flush has it/);
  }));
