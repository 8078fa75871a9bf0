import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { testGateway, testHmac, testNow } from "../../testing/test_gateway.ts";

type Headers = Record<string, string>;

const key = { "x-api-key": "chess" };
const basic = { authorization: `Basic ${btoa("chess:")}` };

/** What was stored, as `[user, type, the id that it links]`. */
async function stored(
  ...requests: readonly (readonly [path: string, body: object, headers?: Headers])[]
): Promise<{ events: unknown[]; refused: unknown[] }> {
  const { app, platform } = testGateway();
  for (const [path, body, headers = {}] of requests) {
    const text = JSON.stringify(body);
    await app.request(path, { method: "POST", body: text, headers });
  }
  const events = platform.stored.map(({ event: { user_id, event_type, properties } }) => [
    user_id,
    event_type,
    properties["previous_id"] ?? properties["anonymous_id"],
  ]);
  return { events, refused: platform.deadLetters.map(({ code, path }) => [code, path]) };
}

Deno.test("segment: the anonymous player's events are his own until identify or alias links him", async () => {
  const batch = [
    { type: "track", event: "jump", anonymousId: "anon" },
    { type: "identify", anonymousId: "anon", traits: { theme: "dark" } },
    { type: "identify", anonymousId: "anon", userId: "ann" },
    { type: "identify", anonymousId: 7, userId: "ann" },
    { type: "identify", anonymousId: "", userId: "ann" },
    { type: "identify", anonymousId: "anon", userId: "" },
    { type: "track", event: "jump", anonymousId: "anon", userId: "ann" },
    { type: "alias", previousId: "older", userId: "ann" },
    { type: "alias", previousId: 8, userId: "ann" },
    { type: "alias", userId: "ann" },
  ];
  const { events, refused } = await stored(["/v1/batch", { batch }, basic]);
  assert.deepEqual(refused, []);
  assert.deepEqual(events, [
    ["anon", "jump", undefined],
    ["anon", "identify", undefined],
    ["ann", "identify", "anon"],
    ["ann", "identify", "7"],
    ["ann", "identify", undefined],
    ["anon", "identify", undefined],
    // Both ids on an ordinary event say nothing new: the identify before it did.
    ["ann", "jump", undefined],
    ["ann", "alias", "older"],
    ["ann", "alias", "8"],
    ["ann", "alias", undefined],
  ]);
});

Deno.test("segment: an id that no user may have is refused with its reason", async () => {
  const batch = [
    { type: "alias", previousId: "x".repeat(129), userId: "ann" },
    { type: "alias", previousId: { id: "a" }, userId: "ann" },
    { type: "identify", anonymousId: "a\tb", userId: "ann" },
  ];
  const { events, refused } = await stored(["/v1/batch", { batch }, basic]);
  assert.deepEqual([events, refused], [[], [
    ["invalid_field", "properties.previous_id"],
    ["invalid_field", "properties.previous_id"],
    ["invalid_field", "properties.anonymous_id"],
  ]]);
});

Deno.test("posthog: $identify and $create_alias link, $set does not", async () => {
  const event = (event: string, distinct_id: string, properties: object = {}) => ({
    event,
    distinct_id,
    properties,
  });
  const batch = [
    event("jump", "anon"),
    event("$identify", "ann", { $anon_distinct_id: "anon", $set: { plan: "gold" } }),
    event("$set", "ann", { $anon_distinct_id: "anon" }),
    event("$create_alias", "ann", { alias: "device", distinct_id: "ann" }),
    event("$merge_dangerously", "ann", { alias: "twin" }),
    event("$identify", "ann", { $anon_distinct_id: 9 }),
  ];
  const { events, refused } = await stored(["/batch/", { api_key: "chess", batch }]);
  assert.deepEqual(refused, []);
  assert.deepEqual(events, [
    ["anon", "jump", undefined],
    ["ann", "identify", "anon"],
    ["ann", "identify", undefined],
    ["ann", "alias", "device"],
    ["ann", "alias", "twin"],
    ["ann", "identify", "9"],
  ]);
});

Deno.test("countly: a change of device id with merge links, one without is another player", async () => {
  const request = (fields: object) => ["/i", { app_key: "chess", ...fields }] as const;
  const { events, refused } = await stored(
    request({ device_id: "generated", events: [{ key: "jump" }] }),
    request({ device_id: "ann", old_device_id: "generated" }),
    request({ device_id: "bob", events: [{ key: "jump" }] }),
  );
  assert.deepEqual(refused, []);
  assert.deepEqual(events, [
    ["generated", "jump", undefined],
    ["ann", "alias", "generated"],
    ["bob", "jump", undefined],
  ]);
});

Deno.test("snowplow: who is anonymous has the device's id, and an event named identify links it", async () => {
  const named = (name: string, data: object = {}) => ({
    e: "ue",
    ue_pr: JSON.stringify({ data: { schema: `iglu:com.acme/${name}/jsonschema/1-0-0`, data } }),
  });
  const mobile = JSON.stringify({
    data: [{ schema: "iglu:com.snowplow/client_session/jsonschema/1-0-2", data: { userId: "m" } }],
  });
  const data = [
    { e: "se", se_ac: "jump", duid: "anon" },
    { e: "se", se_ac: "jump", co: mobile },
    { e: "se", se_ac: "jump", duid: "anon", uid: "ann" },
    { ...named("identify"), duid: "anon", uid: "ann" },
    { ...named("identify"), co: mobile, uid: "ann" },
    { ...named("identify", { anonymousId: "told" }), duid: "anon", uid: "ann" },
    { ...named("identify"), duid: "anon" },
    { ...named("identify"), uid: "ann" },
    { ...named("alias", { previousId: "older" }), uid: "ann" },
    { e: "se", se_ac: "identify", duid: "anon", uid: "ann" },
    { e: "se", se_ac: "alias", se_la: "older", uid: "ann" },
  ];
  const path = "/com.snowplowanalytics.snowplow/tp2";
  const { events, refused } = await stored([path, { data }, key]);
  assert.deepEqual(refused, []);
  assert.deepEqual(events, [
    ["anon", "jump", undefined],
    ["m", "jump", undefined],
    ["ann", "jump", undefined],
    ["ann", "identify", "anon"],
    ["ann", "identify", "m"],
    ["ann", "identify", "told"],
    ["anon", "identify", undefined],
    ["ann", "identify", undefined],
    ["ann", "alias", "older"],
    ["ann", "identify", "anon"],
    ["ann", "alias", "older"],
  ]);
});

Deno.test("cloudevents: the native types link, under any producer's name", async () => {
  const event = (id: string, type: string, data: object) => ({
    specversion: "1.0",
    id,
    source: "/game",
    type,
    subject: "ann",
    data,
  });
  const batch = [
    event("1", "alias", { previous_id: "older" }),
    event("2", "com.acme.alias", { previous_id: 7 }),
    event("3", "com.acme.identify", { anonymous_id: "anon", name: "Ann" }),
    event("4", "identify", { anonymous_id: null }),
    event("5", "alias", { previous_id: ["a"] }),
  ];
  const headers = { ...key, "content-type": "application/cloudevents-batch+json" };
  const { events, refused } = await stored(["/cloudevents", batch, headers]);
  assert.deepEqual(refused, [["invalid_field", "properties.previous_id"]]);
  assert.deepEqual(events, [
    ["ann", "alias", "older"],
    ["ann", "alias", "7"],
    ["ann", "identify", "anon"],
    ["ann", "identify", undefined],
  ]);
});

Deno.test("gameanalytics: each user id is a player, and nothing links them", async () => {
  const event = (user_id: string) => ({
    v: 2,
    category: "design",
    event_id: "kill:robot",
    user_id,
    client_ts: testNow / 1000,
  });
  const body = [event("generated"), event("configured")];
  const authorization = createHmac("sha256", testHmac.secret).update(JSON.stringify(body))
    .digest("base64");
  const { events } = await stored([`/v2/${testHmac.id}/events`, body, { authorization }]);
  assert.deepEqual(events, [
    ["generated", "kill:robot", undefined],
    ["configured", "kill:robot", undefined],
  ]);
});

Deno.test("native: alias and identify link, and say what is wrong with an id", async () => {
  const event = (event_type: string, properties: object) => ({
    event_type,
    user_id: "ann",
    game_id: "chess",
    properties,
  });
  const events = [
    event("alias", { previous_id: "older" }),
    event("identify", { anonymous_id: "anon" }),
    event("identify", {}),
    event("alias", { previous_id: 7 }),
    event("identify", { anonymous_id: "" }),
  ];
  const outcome = await stored(["/api/v1/events", events, key]);
  assert.deepEqual(outcome.events, [
    ["ann", "alias", "older"],
    ["ann", "identify", "anon"],
    ["ann", "identify", undefined],
  ]);
  assert.deepEqual(outcome.refused, [
    ["invalid_field", "properties.previous_id"],
    ["invalid_field", "properties.anonymous_id"],
  ]);
});
