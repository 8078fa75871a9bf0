import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { testGateway, testHmac, testNow } from "../../testing/test_gateway.ts";

const basic = (key: string) => ({ authorization: `Basic ${btoa(`${key}:`)}` });

async function gzip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function sign(body: string | Uint8Array, secret: string = testHmac.secret) {
  return { authorization: createHmac("sha256", secret).update(body).digest("base64") };
}

function harness() {
  const gateway = testGateway();
  const { platform, app } = gateway;
  return {
    ...gateway,
    post: async (path: string, body: BodyInit | object, headers: Record<string, string> = {}) => {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      const sent = isRaw ? body as BodyInit : JSON.stringify(body);
      return await app.request(path, { method: "POST", body: sent, headers });
    },
    events: () => platform.stored.map(({ event }) => event),
    types: () => platform.stored.map(({ event }) => event.event_type),
  };
}

const track = (over: object = {}) => ({
  type: "track",
  event: "quest",
  userId: "u-1",
  messageId: "m-1",
  ...over,
});
const gaEvent = (over: object = {}) => ({
  v: 2,
  category: "design",
  event_id: "kill:robot",
  user_id: "u-1",
  client_ts: testNow / 1000,
  ...over,
});
const gaPath = `/v2/${testHmac.id}/events`;

Deno.test("segment: one bad event does not condemn its batch, and lies in the dead letters as sent", async () => {
  const { post, events, platform } = harness();
  const bad = { type: "track", event: "quest", messageId: "m-2" };
  const body = { batch: [track(), bad, null] };
  const response = await post("/v1/batch", body, basic("chess"));
  assert.deepEqual([response.status, await response.json()], [200, { success: true }]);
  assert.deepEqual(events().map(({ event_id }) => event_id), ["m-1"]);
  const letters = platform.deadLetters.map(({ code, path, payload }) => [code, path, payload]);
  assert.deepEqual(letters, [
    ["missing_field", "user_id", JSON.stringify(bad)],
    ["not_an_object", undefined, "null"],
  ]);
});

Deno.test("segment: the client's clock is corrected by sentAt", async () => {
  const { post, events } = harness();
  const hourAhead = (ms: number) => new Date(ms + 3_600_000).toISOString();
  const body = {
    batch: [track({ timestamp: hourAhead(testNow - 5000) })],
    sentAt: hourAhead(testNow),
  };
  await post("/v1/batch", body, basic("chess"));
  assert.equal(events()[0]!.timestamp, testNow - 5000);
});

Deno.test("segment: the key may stand in the body, and name the game of a key for several", async () => {
  const { post, events } = harness();
  assert.equal((await post("/v1/t", track({ writeKey: "full@go" }))).status, 200);
  assert.equal((await post("/v1/t", track({ writeKey: "chess@go" }))).status, 400);
  assert.equal((await post("/v1/t", track({ writeKey: "nobody@go" }))).status, 401);
  assert.equal((await post("/v1/t", track({ writeKey: "reader" }))).status, 403);
  assert.deepEqual(events().map(({ game_id }) => game_id), ["go"]);
});

Deno.test("protocols: an event without an id gets the same one when it is sent again", async () => {
  const { post, events } = harness();
  const twins = [gaEvent(), gaEvent()];
  for (const _ of [1, 2]) {
    const body = JSON.stringify(twins);
    assert.equal((await post(gaPath, body, sign(body))).status, 200);
  }
  const ids = events().map(({ event_id }) => event_id);
  assert.deepEqual(ids.slice(2), ids.slice(0, 2));
  // Two shots in one second are two events.
  assert.notEqual(ids[0], ids[1]);
});

Deno.test("gameanalytics: the signature is over the body as sent, gzipped or not", async () => {
  const { post, events } = harness();
  const body = await gzip(JSON.stringify([gaEvent()]));
  const headers = { ...sign(body), "content-encoding": "gzip" };
  const response = await post(gaPath, body, headers);
  assert.deepEqual([response.status, await response.json()], [200, {}]);
  assert.equal(events()[0]!.game_id, "chess");
  for (const wrong of [sign("other"), sign(body, "x"), { authorization: "" }, {}]) {
    assert.equal((await post(gaPath, body, wrong)).status, 401);
  }
  assert.equal((await post("/v2/unknown/events", body, sign(body))).status, 401);
  assert.equal(events().length, 1);
});

Deno.test("gameanalytics: whatever may pass is answered without a body, so that events are kept", async () => {
  const { post, platform } = harness();
  platform.beforeWrite = () => {
    throw new Unavailable("log", "The log is away");
  };
  const body = JSON.stringify([gaEvent()]);
  const response = await post(gaPath, body, sign(body));
  assert.deepEqual([response.status, await response.text()], [503, ""]);
  platform.beforeWrite = () => {
    throw new TypeError("A defect");
  };
  const failed = await post(gaPath, body, sign(body));
  assert.deepEqual([failed.status, await failed.text()], [503, ""]);
});

Deno.test("gameanalytics: a request shed at the door is answered without a body, too", async () => {
  const shedder = { admits: () => false, accepting() {}, accepted() {} };
  const { app } = testGateway({ shedder: shedder as never });
  const response = await app.request(gaPath, { method: "POST", body: "[]", headers: sign("[]") });
  assert.deepEqual([response.status, await response.text()], [503, ""]);
  const segment = await app.request("/v1/batch", { method: "POST", body: "{}" });
  assert.deepEqual([segment.status, (await segment.json()).status], [503, 503]);
});

Deno.test("gameanalytics: refused events are dead letters under a 200, and init tells the time", async () => {
  const { post, platform, app } = harness();
  const body = JSON.stringify([gaEvent({ category: "resource", event_id: "Gift:gems" })]);
  assert.equal((await post(gaPath, body, sign(body))).status, 200);
  assert.deepEqual(platform.deadLetters.map(({ path }) => path), ["event_id"]);
  for (
    const path of [`/v2/${testHmac.id}/init`, `/remote_configs/v1/init?game_key=${testHmac.id}`]
  ) {
    const answer = await app.request(path, { method: "POST", body: "{}", headers: sign("{}") });
    assert.equal(answer.status, 201);
    const { server_ts, enabled, configs } = await answer.json();
    assert.deepEqual([server_ts, enabled, configs], [testNow / 1000, true, []]);
  }
});

Deno.test("gameanalytics: events become the native types with amounts that metrics add up", async () => {
  const { post, events } = harness();
  const body = JSON.stringify([
    gaEvent({ category: "business", event_id: "gold:boost", amount: 499, currency: "USD" }),
    gaEvent({ category: "resource", event_id: "Sink:gems:chest:big", amount: -15 }),
    gaEvent({ category: "progression", event_id: "Complete:world1:level07", score: 9 }),
    gaEvent({ category: "ads", ad_action: "clicked", ad_placement: "top", ad_sdk_name: "admob" }),
    gaEvent({ category: "error", severity: "warning", message: "It broke" }),
  ]);
  await post(gaPath, body, sign(body));
  assert.deepEqual(events().map(({ event_type, properties }) => [event_type, properties]), [
    ["purchase", { amount: 499, currency: "USD", item_type: "gold", item: "boost" }],
    ["resource.sink", { currency: "gems", item_type: "chest", item: "big", amount: 15 }],
    ["level.complete", { progression: "world1:level07", level: 7, score: 9 }],
    ["ad.click", { network: "admob", placement: "top" }],
    ["error", { severity: "warning", message: "It broke" }],
  ]);
});

Deno.test("posthog: bodies are JSON, gzip whatever is said of them, forms, and queries", async () => {
  const { post, app, types } = harness();
  const event = { event: "quest", properties: { token: "chess", distinct_id: "u-1" } };
  const text = JSON.stringify(event);
  await post("/e/", event);
  await post("/e/?compression=gzip-js", await gzip(text), { "content-type": "text/plain" });
  await post("/capture", `data=${encodeURIComponent(btoa(text))}&compression=base64`);
  await post("/i/v0/e/", `data=${encodeURIComponent(text)}`);
  await app.request(`/e?data=${encodeURIComponent(btoa(text))}`);
  assert.deepEqual(types(), Array(5).fill("quest"));
});

Deno.test("posthog: the key is not kept, and $-properties are context", async () => {
  const { post, events } = harness();
  const properties = { token: "chess", $browser: "f", level: 3, $session_id: "s-1" };
  await post("/capture/", { event: "level_up", distinct_id: 7, properties, uuid: "e-1" });
  const { user_id, session_id, properties: kept, context } = events()[0]!;
  assert.deepEqual([user_id, session_id, kept, context], ["7", "s-1", { level: 3 }, {
    $browser: "f",
  }]);
});

Deno.test("snowplow and countly share /i, and a pixel is an image", async () => {
  const { app, events } = harness();
  const pixel = await app.request("/i?e=se&se_ac=jump&aid=full@go&uid=u-1&eid=e-1");
  assert.equal(pixel.headers.get("content-type"), "image/gif");
  const countly = await app.request("/i?app_key=chess&device_id=u-2&begin_session=1");
  assert.deepEqual(await countly.json(), { result: "Success" });
  assert.equal((await app.request("/i")).status, 400);
  assert.deepEqual(events().map((e) => [e.user_id, e.game_id, e.event_type]), [
    ["u-1", "go", "jump"],
    ["u-2", "chess", "session.start"],
  ]);
  // The app id was the key.
  assert.equal(JSON.stringify(events()).includes("full"), false);
});

Deno.test("cloudevents: a batch gets verdicts, and source and id together tell events apart", async () => {
  const { post, events } = harness();
  const one = {
    specversion: "1.0",
    id: "1",
    source: "/a",
    type: "com.acme.purchase",
    subject: "u",
  };
  const data = { amount: 5, currency: "USD" };
  const batch = [{ ...one, data }, { ...one, source: "/b", data }, { ...one, specversion: "0.3" }];
  const response = await post("/cloudevents", batch, {
    "content-type": "application/cloudevents-batch+json; charset=utf-8",
    "x-api-key": "chess",
  });
  const { accepted, rejected } = await response.json();
  assert.deepEqual([response.status, accepted, rejected[0].path], [202, 2, "specversion"]);
  assert.notEqual(events()[0]!.event_id, events()[1]!.event_id);
});

Deno.test("countly: bulk requests are for many devices, and their sum is bounded", async () => {
  const { post, events } = harness();
  const requests = ["a", "b"].map((device_id) => ({ device_id, events: '[{"key":"jump"}]' }));
  const body = `app_key=chess&requests=${encodeURIComponent(JSON.stringify(requests))}`;
  assert.equal((await post("/i/bulk", body)).status, 200);
  assert.deepEqual(events().map(({ user_id }) => user_id), ["a", "b"]);
  const many = { device_id: "a", events: Array(600).fill({ key: "jump" }) };
  const tooMany = await post("/i/bulk", { app_key: "chess", requests: [many, many] });
  assert.equal(tooMany.status, 413);
});

Deno.test("protocols: the bounds of native capture hold, with problems as answers", async () => {
  const { post, events, platform, app } = harness();
  const many = Array(limits.requestEventsMax + 1).fill(track());
  const deep = `{"batch":${"[".repeat(2000)}${"]".repeat(2000)}}`;
  const cases: [BodyInit | object, number, Record<string, string>?][] = [
    [{ batch: many }, 413],
    ["x".repeat(limits.requestBytesMax + 1), 413],
    [await gzip(" ".repeat(2 * limits.requestBytesMax)), 413],
    [deep, 400],
    ["{", 400],
    [{ batch: [] }, 400],
    [new Uint8Array([0x22, 0xff, 0x22]), 400],
    [{ batch: [track()] }, 415, { "content-encoding": "br" }],
    [{ batch: [track({ properties: { s: "x".repeat(limits.eventBytesMax) } })] }, 400],
  ];
  for (const [body, status, headers] of cases) {
    const response = await post("/v1/batch", body, { ...basic("chess"), ...headers });
    assert.equal(response.status, status);
    assert.equal(response.headers.get("content-type"), "application/problem+json");
  }
  assert.deepEqual(events(), []);
  assert.ok(platform.deadLetters.length >= 5);
  assert.equal((await app.request("/v3/batch", { method: "POST" })).status, 404);
  assert.equal((await app.request("/v1/batch", { method: "PUT" })).status, 405);
});

Deno.test("protocols: pages of any origin may send, errors included", async () => {
  const { app } = harness();
  const origin = "https://play.test";
  const headers = { origin, "access-control-request-headers": "authorization, content-type" };
  const preflight = await app.request("/v1/batch", { method: "OPTIONS", headers });
  assert.equal(preflight.status, 204);
  assert.equal(
    preflight.headers.get("access-control-allow-headers"),
    "authorization, content-type",
  );
  const refused = await app.request("/batch/", { method: "POST", body: "{}", headers: { origin } });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get("access-control-allow-origin"), origin);
});
