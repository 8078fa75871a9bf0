/**
 * `deno task bench:kafka [seconds]`: what appending to and reading from the log on Kafka costs, on the
 * brokers of `LOG_URL` or of `services up`. The processor time is this process's alone.
 *
 * @module
 */
import process from "node:process";
import { topicTable } from "../../schema/topics.ts";
import { KafkaLog, kafkaTarget } from "../../supervisor/log/kafka/kafka_log.ts";
import { createTopics, deleteTopics } from "../../supervisor/log/kafka/topic_admin.ts";
import type { NewRecord } from "../../supervisor/log/log.ts";
import { serviceUrl } from "../../supervisor/testing/services.ts";
import { print } from "../cli/print.ts";

const topic = "player.events.raw";
const topics = topicTable();
const { partitions } = topics[topic];

function value(n: number): string {
  return JSON.stringify({
    studio: "demo",
    user_id: `u-${n % 5000}`,
    game_id: "g1",
    event_id: crypto.randomUUID(),
    event_type: "level.completed",
    timestamp: Date.now(),
    properties: { level: n % 50, score: (n * 7) % 1000, difficulty: "normal", ms: n % 60_000 },
    context: { platform: "ios", version: "1.2.3", country: "DE" },
  });
}

const values = Array.from({ length: 20_000 }, (_, n) => value(n));
let made = 0;

function nextRecord(): NewRecord {
  const n = made++;
  return {
    partition: n % partitions,
    key: `demo/u-${n % 5000}`,
    value: values[n % values.length]!,
  };
}

function report(name: string, events: number, ms: number, cpu: NodeJS.CpuUsage): void {
  const rate = Math.round(events / (ms / 1000)).toLocaleString("en-US");
  const cost = ((cpu.user + cpu.system) / events).toFixed(2);
  const memory = Math.round(Deno.memoryUsage().rss / 1e6);
  print(
    `${name.padEnd(30)} ${rate} events/s   ${cost} µs of processor time each   RSS ${memory} MB`,
  );
}

/** Appends `size` records at a time in `loops` loops. */
async function append(log: KafkaLog, name: string, loops: number, size: number, ms: number) {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const waits: number[] = [];
  let events = 0;
  await Promise.all(Array.from({ length: loops }, async () => {
    while (performance.now() - startedAt < ms) {
      const sentAt = performance.now();
      await log.append(topic, Array.from({ length: size }, nextRecord));
      waits.push(performance.now() - sentAt);
      events += size;
    }
  }));
  report(name, events, performance.now() - startedAt, process.cpuUsage(cpu));
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.floor(waits.length * share)]!.toFixed(1);
  print(`${"".padEnd(30)} answered after p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

/** Reads everything, all partitions side by side. */
async function read(log: KafkaLog): Promise<void> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const ends = await log.ends(topic);
  const never = new AbortController().signal;
  await Promise.all(ends.map(async ({ start, end }, partition) => {
    for (let next = start; next < end;) {
      const records = await log.fetch(topic, partition, next, 1024 * 1024, never);
      next = records.at(-1)!.offset + 1;
    }
  }));
  const events = ends.reduce((sum, { start, end }) => sum + end - start, 0);
  report("read all", events, performance.now() - startedAt, process.cpuUsage(cpu));
}

if (import.meta.main) {
  const url = serviceUrl("LOG_URL");
  if (url === undefined) {
    print("No Kafka: set LOG_URL, or run 'deno task services up kafka'");
    Deno.exit(2);
  }
  const ms = Number(Deno.args[0] ?? 5) * 1000;
  const target = { ...kafkaTarget(url), prefix: `bench-${crypto.randomUUID().slice(0, 8)}.` };
  await createTopics(target, { topics });
  const log = new KafkaLog(target, { topics });
  try {
    await append(log, "100 events a call, 16 calls", 16, 100, ms);
    await append(log, "1 event a call, 128 calls", 128, 1, ms);
    await read(log);
  } finally {
    await log.close();
    await deleteTopics(target);
  }
}
