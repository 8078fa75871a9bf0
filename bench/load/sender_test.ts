import assert from "node:assert/strict";
import type { Answer, Transport } from "./client/transport.ts";
import { EventStream } from "./generator/event_stream.ts";
import type { StreamOptions } from "./generator/stream_options.ts";
import { LoadRefused, runSender, type SenderParts } from "./sender.ts";
import { Tally } from "./tally.ts";

const options: StreamOptions = {
  seed: 1,
  events: 100,
  batch: 10,
  connections: 1,
  players: 5,
  games: 2,
  originMs: Date.UTC(2026, 0, 1),
  seconds: 1,
  spanDays: 0,
  duplicates: 0,
  malformed: 0,
  late: 0,
  unordered: 0,
  protocol: "http",
};

class FakeTransport implements Transport {
  readonly bodies: string[] = [];
  constructor(readonly answer: (call: number) => Answer | Error) {}
  send(body: string): Promise<Answer> {
    this.bodies.push(body);
    const answer = this.answer(this.bodies.length - 1);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }
  expire(): void {}
  close(): void {}
}

const accepted: Answer = { status: 202, body: '{"accepted":10,"rejected":[]}' };

function parts(transport: Transport, more: Partial<SenderParts> = {}): SenderParts {
  return {
    stream: new EventStream(options, 0),
    transport,
    tally: new Tally(),
    connection: 0,
    dueAt: () => undefined,
    stop: new AbortController().signal,
    giveUp: new AbortController().signal,
    ...more,
  };
}

Deno.test("runSender() sends the whole stream and counts it", async () => {
  const transport = new FakeTransport(() => accepted);
  const p = parts(transport);
  assert.deepEqual(await runSender(p), { answered: 10, unknownIds: [] });
  assert.deepEqual(
    [p.tally.sent, p.tally.accepted, p.tally.batches, p.tally.retries, p.tally.mismatches],
    [100, 100, 10, 0, 0],
  );
  assert.equal(p.tally.fromSend.count, 10);
});

Deno.test("runSender() repeats a batch unchanged until it is answered, before any other", async () => {
  const transport = new FakeTransport((call) =>
    call === 1
      ? { status: 503, body: "", retryAfterMs: 1 }
      : call === 2
      ? new Error("connection reset")
      : call === 3
      ? { status: 429, body: "", retryAfterMs: 1 }
      : accepted
  );
  const p = parts(transport);
  await runSender(p);
  assert.equal(new Set(transport.bodies.slice(1, 5)).size, 1);
  assert.equal(new Set(transport.bodies).size, 10);
  assert.equal(p.tally.retries, 3);
  assert.deepEqual(p.tally.errors, { "status 503": 1, "Error": 1, "status 429": 1 });
  assert.equal(p.tally.accepted, 100);
});

Deno.test("runSender() notices answers that refuse something else than they should", async () => {
  const wrong = '{"accepted":9,"rejected":[{"index":3,"code":"too_deep"}]}';
  const p = parts(
    new FakeTransport((call) => call === 0 ? { status: 202, body: wrong } : accepted),
  );
  await runSender(p);
  assert.equal(p.tally.mismatches, 1);
  assert.deepEqual(p.tally.rejected, { too_deep: 1 });
  assert.equal(p.tally.accepted, 99);
  assert.match(p.tally.examples[0]!, /batch 0 of connection 0: expected \[\], got 202/);
});

Deno.test("runSender() leaves the outcome unknown when it has to give up", async () => {
  const giveUp = new AbortController();
  const p = parts(
    new FakeTransport((call) => {
      if (call === 2) giveUp.abort();
      return call < 2 ? accepted : new Error("timeout");
    }),
    { giveUp: giveUp.signal },
  );
  const result = await runSender(p);
  assert.equal(result.answered, 2);
  assert.equal(result.unknownIds.length, 10);
  assert.equal(p.tally.unknown, 10);
});

Deno.test("runSender() starts no batch once stopped", async () => {
  const stop = new AbortController();
  const transport = new FakeTransport((call) => {
    if (call === 3) stop.abort();
    return accepted;
  });
  assert.deepEqual(await runSender(parts(transport, { stop: stop.signal })), {
    answered: 4,
    unknownIds: [],
  });
});

Deno.test("runSender() ends at once when the platform refuses the key", async () => {
  const transport = new FakeTransport(() => ({ status: 401, body: "no such key" }));
  await assert.rejects(
    runSender(parts(transport)),
    (cause) => cause instanceof LoadRefused && /401: no such key/.test(cause.message),
  );
  assert.equal(transport.bodies.length, 1);
});

Deno.test("runSender() measures from the intended time even when it is behind", async () => {
  const late = performance.now() - 500;
  const p = parts(new FakeTransport(() => accepted), { dueAt: () => late });
  await runSender(p);
  assert.ok(p.tally.fromIntended.quantile(0.01) >= 495);
  assert.ok(p.tally.fromSend.quantile(1) < 400);
});
