import assert from "node:assert/strict";
import { validateEvent } from "../../schema/event_validation.ts";
import { Rejection } from "../../schema/rejection.ts";
import type { Difference } from "../verify/figures.ts";
import { differences } from "../verify/figures.ts";
import { type ModelEvent, ReferenceModel } from "../verify/reference_model.ts";
import { expectationOf } from "./expectation.ts";
import type { StreamOptions } from "./generator/stream_options.ts";
import { type LoadPlan, runLoad } from "./run_load.ts";
import { LoadRefused } from "./sender.ts";

/** A platform of one page: validates as the real one does and keeps what it accepted. */
class MiniPlatform {
  readonly taken: ModelEvent[] = [];
  #calls = 0;

  /** Every `unwillingEvery`-th request is answered 503, half of them after its events were taken. */
  constructor(readonly unwillingEvery = Infinity) {}

  answer(events: unknown[]): { status: number; body: string } {
    const call = ++this.#calls;
    const unwilling = call % this.unwillingEvery === 0;
    if (unwilling && call % 2 === 0) return { status: 503, body: "{}" };
    const rejected: { index: number; code: string }[] = [];
    const now = Date.now();
    events.forEach((raw, index) => {
      const found = raw instanceof SyntaxError
        ? { code: "invalid_json" }
        : validateEvent(raw, { studio: "demo", games: "*", now, newId: () => "made" });
      if (found instanceof Rejection || "code" in found) rejected.push({ index, code: found.code });
      else this.taken.push({ ...found, received_at: now });
    });
    if (unwilling) return { status: 503, body: "{}" };
    const accepted = events.length - rejected.length;
    return { status: accepted > 0 ? 202 : 400, body: JSON.stringify({ accepted, rejected }) };
  }

  async handle(request: Request): Promise<Response> {
    if (request.headers.get("upgrade") === "websocket") return this.#upgrade(request);
    const text = await request.text();
    const { status, body } = this.answer(
      request.headers.get("content-type") === "application/x-ndjson"
        ? text.split("\n").map(parseOrError)
        : [JSON.parse(text)].flat(),
    );
    return new Response(body, { status, headers: status === 503 ? { "Retry-After": "0" } : {} });
  }

  #upgrade(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type !== "events") return;
      const { status, body } = this.answer(message.events);
      const type = status === 503 ? "error" : "ack";
      socket.send(
        JSON.stringify({
          ...JSON.parse(body),
          type,
          id: message.id,
          code: "unavailable",
          retry_after: 0.001,
        }),
      );
    };
    return response;
  }
}

function parseOrError(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    return cause;
  }
}

async function withPlatform<T>(
  handler: (request: Request) => Response | Promise<Response>,
  use: (url: URL) => Promise<T>,
): Promise<T> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
  try {
    return await use(new URL(`http://127.0.0.1:${server.addr.port}`));
  } finally {
    await server.shutdown();
  }
}

function planFor(url: URL, stream: Partial<StreamOptions> = {}): LoadPlan {
  return {
    target: { url, key: "k" },
    rate: 0,
    stream: {
      seed: 3,
      events: 6_000,
      batch: 20,
      connections: 4,
      players: 100,
      games: 4,
      originMs: Date.now(),
      seconds: 5,
      spanDays: 0,
      duplicates: 0.05,
      malformed: 0.03,
      late: 0.2,
      unordered: 0.1,
      protocol: "http",
      ...stream,
    },
  };
}

const noStop = new AbortController().signal;

for (
  const stream of [{}, { spanDays: 40 }, { protocol: "ws" }, { batch: 1, events: 1500 }] as const
) {
  Deno.test(`runLoad() and expectationOf() agree with the receiver on every figure: ${JSON.stringify(stream)}`, async () => {
    const platform = new MiniPlatform(7);
    await withPlatform((request) => platform.handle(request), async (url) => {
      const plan = planFor(url, stream);
      const { report, senders } = await runLoad(plan, noStop);
      assert.deepEqual(report.mismatch_examples, []);
      assert.equal(report.unknown, 0);
      assert.ok(report.retries > 10);
      assert.equal(report.sent, plan.stream.events);
      const refused = Object.values(report.rejected).reduce((a, b) => a + b, 0);
      assert.equal(report.accepted + refused, plan.stream.events);

      const expected = expectationOf(plan.stream, senders, report.mismatches);
      const model = new ReferenceModel();
      // Arrival is set as planned: the gaps are milliseconds either way.
      for (const event of platform.taken) {
        model.apply({ ...event, received_at: plan.stream.originMs });
      }
      assert.equal(expected.events, report.accepted - report.duplicates);
      assert.equal(expected.events, model.eventsTotal());
      const wrong: Difference[] = [];
      for (const [id, game] of Object.entries(expected.games)) {
        wrong.push(...differences(game, model.game(id), id));
      }
      for (const [id, player] of Object.entries(expected.players)) {
        wrong.push(...differences(player, model.player(id), id));
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(Object.keys(expected.games).sort(), model.gameIds());
      assert.deepEqual(Object.keys(expected.players).sort(), model.playerIds());
    });
  });
}

Deno.test("runLoad() keeps to its rate and stops after runMs", async () => {
  const platform = new MiniPlatform();
  await withPlatform((request) => platform.handle(request), async (url) => {
    const plan = planFor(url, { events: 1_000_000, seconds: 500 });
    const { report, senders } = await runLoad({ ...plan, rate: 2000, runMs: 600 }, noStop);
    assert.ok(report.sent >= 600 && report.sent <= 1300, `${report.sent} sent in 0.6 s`);
    const { events } = expectationOf(plan.stream, senders, 0);
    assert.equal(events, report.accepted - report.duplicates);
  });
});

Deno.test("runLoad() writes the acknowledged ids", async () => {
  const platform = new MiniPlatform(5);
  const acks = Deno.makeTempFileSync();
  await withPlatform((request) => platform.handle(request), async (url) => {
    await runLoad({ ...planFor(url), acks }, noStop);
  });
  const [header, ...lines] = Deno.readTextFileSync(acks).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const ids = new Set<string>(lines.flatMap((line) => line.ids));
  assert.deepEqual(ids, new Set(platform.taken.map((event) => event.event_id)));
  for (const id of ids) assert.ok(id.startsWith(header.id_prefix));
  Deno.removeSync(acks);
});

Deno.test("runLoad() fails at once when the key is refused", async () => {
  await withPlatform(() => new Response("no", { status: 401 }), async (url) => {
    await assert.rejects(runLoad(planFor(url), noStop), LoadRefused);
  });
});

Deno.test("runLoad() gives up on a platform that is gone, and says what is unknown", async () => {
  const url = new URL("http://127.0.0.1:1");
  const { report } = await runLoad({ ...planFor(url), runMs: 50, drainMs: 50 }, noStop);
  assert.equal(report.accepted, 0);
  assert.ok(report.unknown > 0);
  assert.deepEqual(Object.keys(report.errors), ["ConnectionRefused"]);
});
