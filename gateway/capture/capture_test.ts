import assert from "node:assert/strict";
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { event, testGateway, testNow } from "../testing/test_gateway.ts";

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = await response.json();
  assert.equal(body.status, response.status);
  return body;
}

Deno.test("capture() answers 202 and hands the normalised event to the platform", async () => {
  const { post, platform } = testGateway();
  const response = await post(event({ event_id: "e-1", timestamp: "2026-01-15T11:00:00Z" }));
  assert.equal(response.status, 202);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.deepEqual(await response.json(), { accepted: 1, rejected: [] });
  assert.deepEqual(platform.stored.map(({ event }) => event), [{
    studio: "demo",
    event_id: "e-1",
    event_type: "custom",
    user_id: "u-1",
    game_id: "chess",
    timestamp: testNow - 3_600_000,
    properties: {},
    context: {},
  }]);
});

Deno.test("capture() takes an event, an array, a wrapper, NDJSON, and each of them gzipped", async () => {
  const two = [event({ event_id: "a" }), event({ event_id: "b" })];
  const ndjson = two.map((e) => JSON.stringify(e)).join("\n");
  const bodies: [string, number][] = [
    [JSON.stringify(two[0]), 1],
    [JSON.stringify(two), 2],
    [JSON.stringify({ events: two }), 2],
    [ndjson, 2],
    [`${ndjson}\n`, 2],
    [ndjson.replace("\n", "\r\n\r\n"), 2],
  ];
  for (const [body, count] of bodies) {
    for (const gzip of [false, true]) {
      const { post, platform } = testGateway();
      const zipped = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
      const response = gzip
        ? await post(await new Response(zipped).bytes(), { "content-encoding": "gzip" })
        : await post(body);
      assert.equal(response.status, 202, body);
      assert.equal((await response.json()).accepted, count, body);
      assert.deepEqual(
        platform.stored.map(({ event }) => event.event_id),
        ["a", "b"].slice(0, count),
      );
    }
  }
});

Deno.test("capture() gives each event its own verdict and dead-letters the rejected", async () => {
  const { post, platform } = testGateway();
  const batch = [event(), event({ timestamp: "never" }), 7, event({ user_id: "u-2" })];
  const response = await post(batch);
  assert.equal(response.status, 202);
  const { accepted, rejected } = await response.json();
  assert.equal(accepted, 2);
  const seen = rejected.map((r: Record<string, unknown>) => [r.index, r.code, r.path]);
  assert.deepEqual(seen, [[1, "invalid_timestamp", "timestamp"], [2, "not_an_object", ""]]);
  assert.match(rejected[0].message, /^timestamp must be .*: got "never"$/);
  assert.equal(platform.stored.length, 2);
  assert.deepEqual(platform.deadLetters, [
    {
      studio: "demo",
      source: "gateway",
      code: "invalid_timestamp",
      message: rejected[0].message,
      path: "timestamp",
      payload: JSON.stringify(batch[1]),
    },
    {
      studio: "demo",
      source: "gateway",
      code: "not_an_object",
      message: rejected[1].message,
      payload: "7",
    },
  ]);
});

Deno.test("capture() calls accept once for a batch", async () => {
  const { post, platform } = testGateway();
  let writes = 0;
  platform.beforeWrite = () => void writes++;
  await post([event(), event(), event()]);
  assert.equal(writes, 1);
});

Deno.test("capture() parses no line of NDJSON that nests too deep, whatever the others hold", async () => {
  const deep = "[".repeat(2000) + "]".repeat(2000);
  const good = JSON.stringify(event({ event_id: "good" }));
  const lines = [good, `"an open string hides what follows`, deep];
  for (const headers of [{ "content-type": "application/x-ndjson" }, undefined]) {
    const response = await testGateway().post(lines.join("\n"), headers);
    assert.equal(response.status, 202);
    const { accepted, rejected } = await response.json();
    const codes = rejected.map(({ code }: { code: string }) => code);
    assert.deepEqual([accepted, codes], [1, ["invalid_json", "too_deep"]]);
  }
  // Open brackets of broken lines do not add up.
  const broken = Array.from({ length: 900 }, () => `{"a":{"b":`);
  const headers = { "content-type": "application/x-ndjson" };
  const response = await testGateway().post([good, ...broken].join("\n"), headers);
  assert.equal((await response.json()).accepted, 1);
});

Deno.test("capture() loses one line of NDJSON, not the batch", async () => {
  const { post, platform } = testGateway();
  const body = `${JSON.stringify(event())}\n{"event_type":\n${JSON.stringify(event())}`;
  const response = await post(body, { "content-type": "application/x-ndjson" });
  const { accepted, rejected } = await response.json();
  assert.equal(accepted, 2);
  assert.deepEqual([rejected[0].index, rejected[0].code], [1, "invalid_json"]);
  assert.equal(platform.deadLetters[0]!.payload, `{"event_type":`);
});

Deno.test("capture() answers 400 with the rejected list when no event was accepted", async () => {
  const { post, platform } = testGateway();
  const body = await problemOf(await post([event({ event_type: "$timer" }), null]));
  assert.equal(body.status, 400);
  assert.equal(body.code, "reserved_type");
  assert.equal(body.accepted, 0);
  const codes = (body.rejected as { code: string }[]).map(({ code }) => code);
  assert.deepEqual(codes, ["reserved_type", "not_an_object"]);
  assert.equal(platform.stored.length, 0);
  assert.equal(platform.deadLetters.length, 2);
});

Deno.test("capture() answers 400 to bodies that hold no events", async () => {
  const cases: [string | Uint8Array<ArrayBuffer>, string][] = [
    ["", "invalid_json"],
    ["{", "invalid_json"],
    ["[]", "empty_batch"],
    [`{"events":[]}`, "empty_batch"],
    [`{"events":7}`, "invalid_field"],
    ["7", "not_an_object"],
    ["null", "not_an_object"],
    [new Uint8Array([0x22, 0xff, 0x22]), "invalid_json"],
    [`{"a":`.repeat(100_000), "too_deep"],
    [`[`.repeat(500_000) + `]`.repeat(500_000), "too_deep"],
  ];
  for (const [body, code] of cases) {
    const { post, platform } = testGateway();
    const response = await post(body);
    assert.equal(response.status, 400, String(body).slice(0, 20));
    assert.equal((await problemOf(response)).code, code, String(body).slice(0, 20));
    assert.equal(platform.stored.length, 0);
    assert.ok(platform.deadLetters.every(({ payload }) => payload.length <= 4096));
  }
});

Deno.test("capture() dead-letters a body that is not JSON as text that can be stored", async () => {
  const { post, platform } = testGateway();
  await post(new Uint8Array([0x7b, 0x00, 0xff, 0x78]));
  assert.equal(platform.deadLetters.length, 1);
  const { code, payload } = platform.deadLetters[0]!;
  assert.deepEqual([code, payload], ["invalid_json", "{\ufffd\ufffdx"]);
});

Deno.test("capture() answers 401 without a known key and 403 without the right to write", async () => {
  const { post, platform } = testGateway();
  for (const authorization of ["", "Bearer nobody", "Basic full"]) {
    const response = await post(event(), { authorization });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
    assert.equal((await problemOf(response)).code, "unauthorized");
  }
  const refused = await post(event(), { authorization: "Bearer reader" });
  assert.equal(refused.status, 403);
  assert.equal((await problemOf(refused)).code, "forbidden");
  assert.equal((await post(event(), { authorization: "", "x-api-key": "full" })).status, 202);
  assert.equal(platform.stored.length, 1);
});

Deno.test("capture() holds keys to their games and studio", async () => {
  const { post, platform } = testGateway();
  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  assert.equal((await post(event({ game_id: undefined }), as("chess"))).status, 202);
  assert.equal(platform.stored[0]!.event.game_id, "chess");
  const forbidden = await post(event({ game_id: "go" }), as("chess"));
  assert.equal((await problemOf(forbidden)).code, "game_forbidden");
  assert.equal((await problemOf(await post(event(), as("unlisted")))).code, "game_forbidden");
  const nameless = await post(event({ game_id: undefined }), as("two"));
  assert.equal((await problemOf(nameless)).code, "missing_field");
  await post(event({ studio: "demo" }), as("other"));
  assert.equal(platform.stored[1]!.event.studio, "other");
});

Deno.test("capture() answers 413 to too many events and too many bytes", async () => {
  const { post, platform } = testGateway();
  const many = Array.from({ length: limits.requestEventsMax + 1 }, () => event());
  const lines = many.map((e) => JSON.stringify(e)).join("\n");
  const big = JSON.stringify(event({ properties: { text: "x".repeat(limits.requestBytesMax) } }));
  for (const body of [JSON.stringify(many), lines, big]) {
    const response = await post(body);
    assert.equal(response.status, 413);
    assert.equal((await problemOf(response)).code, "too_large");
  }
  assert.equal(platform.stored.length + platform.deadLetters.length, 0);
  assert.equal((await post(many.slice(1))).status, 202);
});

Deno.test("capture() rejects one event that is too large without its batch", async () => {
  const { post } = testGateway();
  const big = event({ properties: { text: "x".repeat(limits.eventBytesMax) } });
  const response = await post([event(), big]);
  const { accepted, rejected } = await response.json();
  assert.deepEqual([accepted, rejected[0].code], [1, "too_large"]);
  assert.equal((await problemOf(await post(big))).code, "too_large");
});

Deno.test("capture() answers 415 to an encoding it does not know", async () => {
  const { post } = testGateway();
  const response = await post(event(), { "content-encoding": "br" });
  assert.equal(response.status, 415);
  assert.equal((await problemOf(response)).code, "unsupported_encoding");
});

Deno.test("capture() answers 503 with Retry-After when the log is away or silent", async () => {
  const never = () => new Promise<void>(() => {});
  const fail = (error: Error) => () => Promise.reject(error);
  const cases: [() => Promise<void>, string][] = [
    [fail(new Unavailable("log", "disk full")), "unavailable"],
    [fail(new OutcomeUnknown("log", "no answer")), "outcome_unknown"],
    [fail(new Error("a bug of ours at /secret/path")), "outcome_unknown"],
    [never, "outcome_unknown"],
  ];
  for (const [beforeWrite, code] of cases) {
    const { post, platform } = testGateway({ acceptTimeoutMs: 20 });
    platform.beforeWrite = beforeWrite;
    // The second event is bad: its dead letter cannot be written either.
    const response = await post([event(), 1]);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get("retry-after"), "1");
    const body = await problemOf(response);
    assert.equal(body.code, code);
    assert.ok(!JSON.stringify(body).includes("secret"));
  }
});

Deno.test("capture() keeps its verdict when only the dead letters are lost", async () => {
  const lost: number[] = [];
  const metrics = {
    requestDone() {},
    eventsAccepted() {},
    eventsRejected() {},
    shed() {},
    webSockets() {},
    subscriptions() {},
    deadLettersLost: (letters: number) => void lost.push(letters),
  };
  const { post, platform, logged } = testGateway({ metrics });
  platform.beforeWrite = () => Promise.reject(new Unavailable("log", "full"));
  assert.equal((await post([1, 2])).status, 400);
  assert.deepEqual(lost, [2]);
  assert.equal(logged[0]!.level, "warn");
});

Deno.test("capture() does not answer before the events are durable", async () => {
  const { post, platform } = testGateway();
  const { promise, resolve } = Promise.withResolvers<void>();
  platform.beforeWrite = () => promise;
  let answered = false;
  const answer = post(event()).then((response) => {
    answered = true;
    return response;
  });
  await new Promise((tick) => setTimeout(tick, 20));
  assert.equal(answered, false);
  resolve();
  assert.equal((await answer).status, 202);
});
