import assert from "node:assert/strict";
import { validateEvent } from "../../../schema/event_validation.ts";
import { limits } from "../../../schema/limits.ts";
import { Rejection } from "../../../schema/rejection.ts";
import { type Batch, EventStream } from "./event_stream.ts";
import { assertStreamOptions, sessionsPerPlayerMax, type StreamOptions } from "./stream_options.ts";

const originMs = Date.UTC(2026, 4, 20, 12);

const base: StreamOptions = {
  seed: 7,
  events: 20_000,
  batch: 50,
  connections: 2,
  players: 200,
  games: 6,
  originMs,
  seconds: 20,
  spanDays: 0,
  duplicates: 0.05,
  malformed: 0.02,
  late: 0.1,
  unordered: 0.05,
  protocol: "http",
};

function batches(options: StreamOptions, connection = 0): Batch[] {
  const stream = new EventStream(options, connection);
  const all: Batch[] = [];
  for (let batch = stream.next(); batch !== null; batch = stream.next()) all.push(batch);
  return all;
}

const notJson = Symbol("not JSON");

/** The events of a batch as `JSON.parse` gives them, by index. */
function parsed(batch: Batch): unknown[] {
  if (!batch.ndjson) {
    const body = JSON.parse(batch.body);
    return Array.isArray(body) ? body : [body];
  }
  return batch.body.split("\n").map((line) => {
    try {
      return JSON.parse(line);
    } catch {
      return notJson;
    }
  });
}

interface Sent {
  readonly event_id: string;
  readonly event_type: string;
  readonly user_id: string;
  readonly session_id?: string;
  readonly timestamp: string;
}

/** Well-formed events in the order they are sent. */
function events(options: StreamOptions, connection = 0): Sent[] {
  return batches(options, connection).flatMap((batch) =>
    parsed(batch).filter((_, i) => batch.ids[i] !== "") as Sent[]
  );
}

Deno.test("EventStream makes the same batches for the same options", () => {
  assert.deepEqual(batches(base, 1), batches(base, 1));
});

Deno.test("EventStream shares no id and no player between seeds or connections", () => {
  const streams = [events(base, 0), events(base, 1), events({ ...base, seed: 8 }, 0)];
  for (const field of ["event_id", "user_id"] as const) {
    const sets = streams.map((stream) => new Set(stream.map((event) => event[field])));
    const union = new Set(sets.flatMap((set) => [...set]));
    assert.equal(union.size, sets.reduce((sum, set) => sum + set.size, 0), field);
  }
});

Deno.test("EventStream sends the planned number of events in batches of the planned size", () => {
  const sizes = batches({ ...base, events: 2_025 }, 0).map((batch) => batch.ids.length);
  assert.equal(sizes.reduce((a, b) => a + b), 1_013);
  assert.deepEqual(sizes.slice(0, -1), new Array(20).fill(50));
});

for (const spanDays of [0, 40]) {
  Deno.test(`EventStream knows the platform's verdict on every event, --span-days ${spanDays}`, () => {
    const options = { ...base, spanDays, late: 0.2 };
    // At the run's start, end, and well after it: the verdict must not depend on the pace.
    for (const now of [originMs, originMs + 20_000, originMs + 3_600_000]) {
      const codes = new Set<string>();
      for (const batch of batches(options)) {
        const expected = new Map(batch.rejected.map(({ index, code }) => [index, code]));
        parsed(batch).forEach((raw, index) => {
          const code = verdict(raw, now);
          assert.equal(code, expected.get(index), `event ${index} of ${batch.body.slice(0, 500)}`);
          if (code !== undefined) codes.add(code);
        });
      }
      assert.equal(codes.size, 13, "every code but game_forbidden");
    }
  });
}

function verdict(raw: unknown, now: number): string | undefined {
  if (raw === notJson) return "invalid_json";
  const found = validateEvent(raw, { studio: "demo", games: "*", now, newId: () => "made" });
  return found instanceof Rejection ? found.code : undefined;
}

Deno.test("EventStream sends NDJSON only for lines that are no JSON, and never over WebSocket", () => {
  const http = batches(base).filter((batch) => batch.ndjson);
  assert.ok(http.length > 0);
  assert.ok(http.every((batch) => batch.rejected.some(({ code }) => code === "invalid_json")));
  assert.ok(batches({ ...base, protocol: "ws" }).every((batch) => !batch.ndjson));
});

Deno.test("EventStream sends single events as objects over HTTP, arrays over WebSocket", () => {
  const single = { ...base, events: 200, batch: 1, malformed: 0 };
  for (const batch of batches(single)) assert.match(batch.body, /^\{.*\}$/);
  for (const batch of batches({ ...single, protocol: "ws" })) assert.match(batch.body, /^\[.*\]$/);
});

Deno.test("EventStream repeats ids unchanged and while the player still remembers them", () => {
  const options = { ...base, events: 60_000, players: 40, duplicates: 0.05, malformed: 0 };
  const first = new Map<string, { at: number; batch: number; text: string }>();
  const eventsOf = new Map<string, number>();
  const kinds = { sameBatch: 0, nextBatch: 0, later: 0 };
  let repeats = 0;
  batches(options).forEach((batch, number) => {
    for (const event of parsed(batch) as Sent[]) {
      const { event_id, user_id } = event;
      const text = JSON.stringify(event);
      const at = (eventsOf.get(user_id) ?? 0) + 1;
      eventsOf.set(user_id, at);
      const original = first.get(event_id);
      if (original === undefined) {
        first.set(event_id, { at, batch: number, text });
        continue;
      }
      repeats++;
      assert.equal(text, original.text);
      assert.ok(at - original.at < limits.dedupeRingEntries, `${at - original.at} events between`);
      const distance = number - original.batch;
      if (distance === 0) kinds.sameBatch++;
      else if (distance === 1) kinds.nextBatch++;
      else kinds.later++;
    }
  });
  assert.equal(repeats, batches(options).reduce((sum, batch) => sum + batch.duplicates, 0));
  for (const [kind, n] of Object.entries(kinds)) assert.ok(n > 50, `${kind}: ${n}`);
});

Deno.test("EventStream lets half the players return and the others not", () => {
  // Players with a turn in both the first and the last third of the run have returned.
  const sent = events({ ...base, spanDays: 20 });
  const sessions = new Map<string, Set<string>>();
  for (const { user_id, session_id } of sent) {
    if (session_id === undefined) continue;
    if (!sessions.has(user_id)) sessions.set(user_id, new Set());
    sessions.get(user_id)!.add(session_id);
  }
  const counts = [...sessions.values()].map((set) => set.size);
  const once = counts.filter((n) => n === 1).length / counts.length;
  assert.ok(once > 0.45 && once < 0.6, `${once} never return`);
  assert.ok(Math.max(...counts) <= sessionsPerPlayerMax);
});

Deno.test("EventStream brings every player, and sessions that end, fall silent, or straggle", () => {
  const sent = events({ ...base, duplicates: 0 });
  assert.equal(new Set(sent.map((event) => event.user_id)).size, 100);
  const types = new Map<string, string[]>();
  for (const { session_id, event_type } of sent) {
    if (session_id === undefined) continue;
    if (!types.has(session_id)) types.set(session_id, []);
    types.get(session_id)!.push(event_type);
  }
  const runs = [...types.values()];
  const share = (test: (run: string[]) => boolean) => runs.filter(test).length / runs.length;
  assert.ok(share((run) => run[0] === "session.start") > 0.95);
  assert.ok(share((run) => !run.includes("session.end")) > 0.1);
  assert.ok(share((run) => run.at(-1) === "session.end") > 0.5);
  assert.ok(share((run) => run.at(-2) === "session.end") > 0.01);
  assert.ok(sent.some((event) => event.session_id === undefined));
});

Deno.test("EventStream has a realistic mix of types", () => {
  const counts = new Map<string, number>();
  const sent = events({ ...base, events: 100_000, players: 2000 });
  for (const { event_type } of sent) {
    const family = event_type.split(".")[0]!;
    counts.set(family, (counts.get(family) ?? 0) + 1);
  }
  const share = (family: string) => (counts.get(family) ?? 0) / sent.length;
  assert.ok(share("level") > 0.35 && share("level") < 0.55);
  assert.ok(share("purchase") > 0.01 && share("purchase") < 0.04);
  for (const family of ["session", "match", "resource", "ad", "achievement", "error", "shop"]) {
    assert.ok(share(family) > 0.005, family);
  }
});

Deno.test("EventStream tells a history of --span-days with a share of late events", () => {
  const late = (share: number) => {
    let back = 0;
    let newest = -Infinity;
    const sent = events({ ...base, spanDays: 25, late: share, unordered: 0, duplicates: 0 });
    for (const event of sent) {
      const time = Date.parse(event.timestamp);
      if (time < newest) back++;
      newest = Math.max(newest, time);
    }
    const days = (newest - Date.parse(sent[0]!.timestamp)) / 86_400_000;
    assert.ok(days > 24 && days < 31, `${days} days`);
    return back / sent.length;
  };
  assert.equal(late(0), 0);
  const share = late(0.2);
  assert.ok(share > 0.17 && share < 0.22, `${share} late`);
});

Deno.test("assertStreamOptions() names the option, its range and its value", () => {
  assertStreamOptions(base);
  assert.throws(() => assertStreamOptions({ ...base, batch: 1001 }), {
    name: "RangeError",
    message: "Cannot generate load as 'batch' must be between 1 and 1000: current value is 1001",
  });
  assert.throws(() => assertStreamOptions({ ...base, connections: 300 }), /'connections'/);
  assert.throws(() => assertStreamOptions({ ...base, late: 0.7 }), /'late'.*0\.7/);
});
