/**
 * What it costs to make load: one iteration is a batch of 100 events, as text and as bytes.
 *
 * @module
 */
import { EventStream } from "../load/generator/event_stream.ts";
import type { StreamOptions } from "../load/generator/stream_options.ts";

const options: StreamOptions = {
  seed: 1,
  events: 50_000_000,
  batch: 100,
  connections: 1,
  players: 20_000,
  games: 12,
  originMs: Date.UTC(2026, 0, 1),
  seconds: 1000,
  spanDays: 0,
  duplicates: 0.01,
  malformed: 0.002,
  late: 0.02,
  unordered: 0.05,
  protocol: "http",
};

const encoder = new TextEncoder();
const bytes = new Uint8Array(1 << 20);

const live = new EventStream(options, 0);
Deno.bench("EventStream: 100 live events", () => {
  encoder.encodeInto(live.next()!.body, bytes);
});

const history = new EventStream({ ...options, spanDays: 28, late: 0.2 }, 0);
Deno.bench("EventStream: 100 events of a history of 28 days", () => {
  encoder.encodeInto(history.next()!.body, bytes);
});
