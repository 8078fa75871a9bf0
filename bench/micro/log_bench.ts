/**
 * What the embedded log costs: durable appends of 100 events, alone and from many callers at once,
 * and reading them back.
 *
 * @module
 */
import { partitionOf } from "../../schema/partition.ts";
import { topicTable } from "../../schema/topics.ts";
import type { NewRecord } from "../../supervisor/log/log.ts";
import { openSqliteLog } from "../../supervisor/log/sqlite/sqlite_log.ts";
import { startSqliteLogWriter } from "../../supervisor/log/sqlite/writer.ts";

const topic = "player.events.raw";
const topics = topicTable();
const partitions = topics[topic].partitions;
const never = new AbortController().signal;
const eventsPerAppend = 100;
const callers = 32;
const fetchBytes = 1024 * 1024;
const recordsPerRead = 50_000;

/** An event as the gateway writes it, about 280 bytes. */
function event(n: number): NewRecord {
  const userId = `u-${n * 7919 % 100_000}`;
  const value = JSON.stringify({
    studio: "demo",
    event_id: `0190f3a1-7b2c-7000-8000-${n.toString(16).padStart(12, "0")}`,
    event_type: "level.complete",
    user_id: userId,
    game_id: "demo",
    session_id: `s-${n % 5000}`,
    timestamp: 1_767_225_600_000 + n,
    properties: { level: n % 40, score: n % 10_000 },
    context: { platform: "ios", app_version: "1.4.2", country: "DE" },
  });
  const key = `demo/${userId}`;
  return { partition: partitionOf(key, partitions), key, value };
}

const batches = Array.from(
  { length: 256 },
  (_, b) => Array.from({ length: eventsPerAppend }, (_, i) => event(b * eventsPerAppend + i)),
);
const dir = await Deno.makeTempDir({ prefix: "log_bench_" });
const writer = await startSqliteLogWriter(dir, topics);
const log = openSqliteLog(writer.connect());
let turn = 0;
const nextBatch = () => batches[turn++ % batches.length]!;

globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));

Deno.bench(
  `append ${eventsPerAppend} events durably, one caller`,
  { group: "append" },
  async () => {
    await log.append(topic, nextBatch());
  },
);

Deno.bench(
  `append ${eventsPerAppend} events durably, ${callers} callers at once (time is for all of them)`,
  { group: "append" },
  async () => {
    await Promise.all(Array.from({ length: callers }, () => log.append(topic, nextBatch())));
  },
);

/** Reads partitions by turns, a fetch each, over and over, until it has so many records more. */
async function readOn(reading: readonly number[], next: number[]): Promise<void> {
  const ends = await log.ends(topic);
  for (let records = 0, turn = 0; records < recordsPerRead; turn++) {
    const partition = reading[turn % reading.length]!;
    if (next[partition]! >= ends[partition]!.end) next[partition] = 0;
    const found = await log.fetch(topic, partition, next[partition]!, fetchBytes, never);
    next[partition] = found.at(-1)!.offset + 1;
    records += found.length;
  }
}

const all = Array.from({ length: partitions }, (_, p) => p);
const nextOfAll = all.map(() => 0);
const nextOfOne = all.map(() => 0);

Deno.bench(
  `fetch and decode ${recordsPerRead} records of all partitions, by turns`,
  { group: "fetch" },
  async () => await readOn(all, nextOfAll),
);

Deno.bench(
  `fetch and decode ${recordsPerRead} records of one partition alone`,
  { group: "fetch" },
  async () => await readOn([0], nextOfOne),
);
