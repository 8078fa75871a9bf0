import assert from "node:assert/strict";
import { ActorHalted, InvalidInput } from "../../schema/errors.ts";
import type { Logger } from "../observability/logger.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { shardEvents } from "./shard_metrics.ts";

function listening() {
  const sink = new MetricsAccumulator();
  const lines: string[] = [];
  const write = (level: string) => (text: string, fields?: object) => {
    lines.push(`${level} ${text} ${JSON.stringify(fields)}`);
  };
  const levels = ["debug", "info", "warn", "error"];
  const log = Object.fromEntries(levels.map((level) => [level, write(level)]));
  return { sink, lines, events: shardEvents("player", sink, log as unknown as Logger, () => {}) };
}

Deno.test("shardEvents() counts a rebuilt actor by its reason, and logs it once", () => {
  const { sink, lines, events } = listening();
  events.rebuilt!("s/a", "checksum");
  events.rebuilt!("s/b", "checksum");
  events.rebuilt!("s/c", "older_version");
  assert.deepEqual(sink.drain().snapshots_rebuilt_total, [
    [["player", "checksum"], 2],
    [["player", "older_version"], 1],
  ]);
  assert.equal(lines.length, 3);
  assert.match(lines[0]!, /^warn .*"actor":"s\/a".*"reason":"checksum"/);
});

Deno.test("shardEvents() tells of a halted actor loudly once, and counts what it parks in silence", () => {
  const { sink, lines, events } = listening();
  events.halted!("s/a", "replay failed");
  const halted = new ActorHalted("s/a", "replay failed");
  for (let i = 0; i < 3; i++) events.parked!("s/a", halted);
  events.parked!("s/b", new InvalidInput("refused", "told to"));
  events.parked!("s/b", new TypeError("told to"));
  const { actors_halted_total, dead_letters_total } = sink.drain();
  assert.deepEqual(actors_halted_total, [[["player"], 1]]);
  assert.deepEqual(dead_letters_total, [
    [["player", "actor_halted"], 3],
    [["player", "invalid"], 1],
    [["player", "poison"], 1],
  ]);
  assert.deepEqual(lines.map((line) => line.split(" ")[0]), ["error", "warn", "warn"]);
});
