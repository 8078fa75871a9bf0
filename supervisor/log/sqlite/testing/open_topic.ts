/**
 * A topic of the embedded log in this thread, for tests: its writer without a worker around it.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { topicNames, topicTable } from "../../../../schema/topics.ts";
import { type FlushRow, partsOf } from "../flush.ts";
import { Positions } from "../positions.ts";
import type { CutReport } from "../recovery/recover_topic.ts";
import { segmentPath } from "../segment.ts";
import { TopicWriter } from "../topic_writer.ts";

const topic = topicNames.indexOf("player.events.raw");

export interface OpenTopic {
  readonly writer: TopicWriter;
  readonly positions: Positions;
  readonly dir: string;
  /** The number of `player.events.raw`. */
  readonly topic: number;
  /** What was cut on opening. */
  readonly cuts: readonly CutReport[];
  /** The first segment's path. */
  readonly path: string;
  /** Appends one flush of so many records, by partition; a record's value is its offset. */
  flush(counts: Readonly<Record<number, number>>): void;
}

/** Opens `player.events.raw` in `dir`. @param segmentBytesMax beyond which a segment is full */
export function openTopic(dir: string, segmentBytesMax = 2 ** 30): OpenTopic {
  const positions = new Positions(topicTable());
  const cuts: CutReport[] = [];
  const writer = new TopicWriter(topic, dir, positions, {
    segmentBytesMax,
    topicBytesMax: 2 ** 30,
    onCut: (cut) => cuts.push(cut),
    onProblem: () => {},
  });
  let nowMs = 1000;
  return {
    writer,
    positions,
    dir,
    topic,
    cuts,
    path: segmentPath(`${dir}/player.events.raw`, 1),
    flush(counts) {
      const texts = Object.entries(counts).map(([partition, count]) => {
        const base = positions.end(topic, Number(partition));
        const lines = Array.from({ length: count }, (_, i) => `k\t${base + i}\n`).join("");
        return { partition: Number(partition), count, bytes: lines.length, lines };
      });
      const body = new TextEncoder().encode(texts.map(({ lines }) => lines).join(""));
      writer.append({ parts: texts, body }, nowMs++);
    },
  };
}

/** Runs `body` with a topic of its own, then removes it. @param segmentBytesMax as of {@link openTopic} */
export function withTopic(body: (topic: OpenTopic) => void, segmentBytesMax?: number): void {
  const dir = Deno.makeTempDirSync();
  const opened = openTopic(dir, segmentBytesMax);
  try {
    body(opened);
  } finally {
    opened.writer.close();
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Damages the directory of a flush so that it fails its checksum. */
export function damageDirectory(path: string, flush: number): void {
  edit(path, "UPDATE flush SET crc = crc + 1 WHERE id = ?", flush);
}

/** Undoes {@link damageDirectory}. */
export function repairDirectory(path: string, flush: number): void {
  edit(path, "UPDATE flush SET crc = crc - 1 WHERE id = ?", flush);
}

/** Turns a bit of the first byte that a flush has of a partition. */
export function damageText(path: string, flush: number, partition: number): void {
  const db = new DatabaseSync(path);
  const row = db.prepare("SELECT * FROM flush WHERE id = ?").get(flush) as unknown as FlushRow;
  const part = partsOf(row)!.find((part) => part.partition === partition)!;
  row.body[part.start]! ^= 4;
  db.prepare("UPDATE flush SET body = ? WHERE id = ?").run(row.body, flush);
  db.close();
}

export function removeFlush(path: string, flush: number): void {
  edit(path, "DELETE FROM flush WHERE id = ?", flush);
}

function edit(path: string, sql: string, flush: number): void {
  const db = new DatabaseSync(path);
  const { changes } = db.prepare(sql).run(flush);
  db.close();
  if (changes !== 1) throw new Error(`${path} has no flush ${flush}`);
}
