import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { testGateway, testHmac } from "../../testing/test_gateway.ts";

/** What an SDK may send, with hostile values in place of some of it. */
const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    "",
    "a\0b",
    "\ud800",
    1e308,
    -1,
    2 ** 60,
    true,
    "x".repeat(300),
    "__proto__",
    "2026-01-15T11:00:00Z",
    1768475000,
    "1768475000000",
    "$identify",
    "Order Completed",
    "Start:w:l3",
  ),
  fc.string(),
  fc.double(),
);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), tie("value"), { maxKeys: 4 }),
  ),
})).value;

/** An object of some of `names`, each with a likely value or any other. */
function fieldsOf(names: Readonly<Record<string, readonly unknown[]>>): fc.Arbitrary<unknown> {
  return fc.record(
    Object.fromEntries(
      Object.entries(names).map(([name, likely]) => [
        name,
        fc.oneof(
          { weight: 8, arbitrary: fc.constantFrom(...likely) },
          value,
          // Left out of the JSON.
          fc.constant(undefined),
        ),
      ]),
    ),
  );
}

const segmentEvent = fieldsOf({
  type: ["track", "identify", "page", "screen", "group", "alias"],
  event: ["Order Completed", "level_end", "Ünïcode", "$x", "toString"],
  userId: ["u"],
  anonymousId: ["a"],
  messageId: ["m", 5],
  properties: [{ revenue: 4.99, currency: "eur", game_id: "chess" }, {
    level: "x9",
    success: false,
  }],
  context: [{ traits: {}, sessionId: 4 }],
  traits: [{}],
  timestamp: ["2026-01-15T11:00:00Z"],
  sentAt: ["2026-01-15T12:00:00Z"],
});
const gameAnalyticsEvent = fieldsOf({
  category: [
    "user",
    "session_end",
    "business",
    "resource",
    "progression",
    "design",
    "error",
    "ads",
  ],
  event_id: ["Source:gems:a:b", "Start:w1:l2", "a:b", "Fail"],
  user_id: ["u"],
  amount: [5, -5],
  currency: ["USD"],
  client_ts: [1768475000],
  event_uuid: ["e"],
  custom_fields: [{ a: 1 }],
  ad_action: ["show", "clicked"],
});
const posthogEvent = fieldsOf({
  event: ["$identify", "$create_alias", "$exception", "$groupidentify", "purchase", "$pageview"],
  distinct_id: ["u", 7],
  api_key: ["full"],
  properties: [{ $exception_list: [{ value: "x" }], $session_id: "s", token: "full" }],
  timestamp: ["2026-01-15T11:00:00Z"],
  offset: [5, "7"],
  uuid: ["e"],
});
const snowplowEvent = fieldsOf({
  e: ["se", "ue", "pv", "pp", "tr", "ti"],
  aid: ["full", "chess"],
  uid: ["u"],
  eid: ["e"],
  se_ac: ["level_complete", "purchase", "earn_virtual_currency"],
  se_la: ["3"],
  se_va: ["10"],
  ue_pr: ['{"data":{"schema":"iglu:a/purchase/jsonschema/1-0-0","data":{"revenue":1}}}', "{}", "["],
  ue_px: ["e30", "!!"],
  cx: ["e30", "eyJkYXRhIjpbbnVsbCw1XX0"],
  dtm: ["1768475000000"],
  stm: ["1768475000000", "x"],
  tr_tt: ["4.99", "x"],
});
const cloudEvent = fieldsOf({
  id: ["e"],
  source: ["/s"],
  type: ["com.acme.level.complete", "purchase", "..."],
  specversion: ["1.0", "0.3"],
  subject: ["u"],
  gameid: ["chess"],
  data: [{ user_id: "u", level: 3 }, "text", null],
  time: ["2026-01-15T11:00:00Z"],
});
const countlyEvent = fieldsOf({
  key: ["purchase", "[CLY]_view", "x"],
  sum: [4.99, "x"],
  segmentation: [{ currency: "USD" }],
  timestamp: [1768475000000],
  id: ["e"],
});

interface Hit {
  readonly path: string;
  readonly body: string;
  readonly headers?: Record<string, string>;
  readonly method?: string;
}

const text = (of: unknown) => JSON.stringify(of) ?? "null";
const list = (event: fc.Arbitrary<unknown>) => fc.array(fc.oneof(event, value), { maxLength: 4 });
const key = { authorization: "Bearer chess" };

const hits: Readonly<Record<string, fc.Arbitrary<Hit>>> = {
  segment: fc.tuple(
    list(segmentEvent),
    segmentEvent,
    fc.constantFrom("batch", "track", "identify", "page", "screen", "group", "alias"),
  ).map(([batch, event, call]) => ({
    path: `/v1/${call}`,
    body: text(call === "batch" ? { batch, writeKey: "full" } : { ...event as object }),
    headers: { authorization: `Basic ${btoa("full:")}` },
  })),
  gameanalytics: fc.oneof(list(gameAnalyticsEvent), value).map((events) => {
    const body = text(events);
    const authorization = createHmac("sha256", testHmac.secret).update(body).digest("base64");
    return { path: `/v2/${testHmac.id}/events`, body, headers: { authorization } };
  }),
  posthog: fc.tuple(list(posthogEvent), fc.constantFrom("/batch/", "/e", "/i/v0/e", "/flags/"))
    .map(([batch, path]) => ({
      path,
      body: text(path === "/batch/" ? { api_key: "full", batch } : batch),
      headers: key,
    })),
  "posthog forms": fc.tuple(value, fc.string()).map(([any, raw]) => ({
    path: "/capture/",
    body: `data=${encodeURIComponent(btoa(encodeURIComponent(text(any))))}&x=${raw}`,
    headers: key,
  })),
  snowplow: list(snowplowEvent).map((data) => ({
    path: "/com.snowplowanalytics.snowplow/tp2",
    body: text({ data }),
    headers: key,
  })),
  "snowplow pixel": fc.dictionary(
    fc.constantFrom("e", "aid", "uid", "dtm", "se_ac", "cx", "ue_px", "__proto__"),
    fc.oneof(fc.string(), fc.constantFrom("se", "ue", "full", "pv")),
  ).map((query) => ({
    path: `/i?e=se&${
      Object.entries(query).map(([k, v]) => `${k}=${encodeURIComponent(v.toWellFormed())}`).join(
        "&",
      )
    }`,
    body: "",
    method: "GET",
    headers: key,
  })),
  "cloudevents structured": fc.oneof(cloudEvent, value).map((event) => ({
    path: "/cloudevents",
    body: text(event),
    headers: { ...key, "content-type": "application/cloudevents+json" },
  })),
  "cloudevents batched": fc.oneof(list(cloudEvent), value).map((events) => ({
    path: "/cloudevents",
    body: text(events),
    headers: { ...key, "content-type": "application/cloudevents-batch+json" },
  })),
  "cloudevents binary": fc.tuple(
    fc.constantFrom("application/json", "text/plain", "application/octet-stream"),
    fc.constantFrom("%zz", "a%20b", "level", "x%00"),
    fc.oneof(value.map(text), fc.string()),
  ).map(([contentType, attribute, body]) => ({
    path: "/cloudevents",
    body,
    headers: {
      ...key,
      "content-type": contentType,
      "ce-id": attribute,
      "ce-source": attribute,
      "ce-type": attribute,
      "ce-subject": attribute,
      "ce-specversion": "1.0",
    },
  })),
  countly: fc.tuple(list(countlyEvent), value, value).map(([events, details, crash]) => ({
    path: "/i",
    body: text({ app_key: "chess", device_id: "d", events, user_details: details, crash }),
  })),
  "countly bulk": fc.tuple(list(countlyEvent), value).map(([events, any]) => ({
    path: "/i/bulk",
    body: text({ app_key: "chess", requests: [any, { device_id: "d", events: text(events) }] }),
  })),
};

const garbage = fc.oneof(fc.string(), value.map(text), fc.constantFrom("[", '{"batch":', "data=%"));
const paths = [
  ["/v1/batch", "/v1/track", "/e/", "/batch/", "/decide", "/com.snowplowanalytics.snowplow/tp2"],
  ["/i", "/i/bulk", "/o/sdk", "/cloudevents", `/v2/${testHmac.id}/events`, "/v2/%00/init"],
  ["/remote_configs/v1/init?game_key=%zz"],
].flat();

async function send({ path, body, headers = {}, method = "POST" }: Hit) {
  const { app, logged, platform } = testGateway();
  const init = { method, headers, ...(method === "GET" ? {} : { body: body.toWellFormed() }) };
  const response = await app.request(path, init);
  const answer = `${path} ${body.slice(0, 300)} → ${response.status} ${await response.text()}`;
  assert.ok(response.status < 500, answer);
  assert.deepEqual(logged.filter(({ level }) => level === "error"), [], answer);
  if (response.status >= 400) {
    assert.equal(response.headers.get("content-type"), "application/problem+json", answer);
  }
  // What the log takes is what JSON can say.
  for (const { event } of platform.stored) {
    const text = JSON.stringify(event);
    assert.equal(JSON.stringify(JSON.parse(text)), text, answer);
  }
  return platform.stored.length;
}

for (const [name, hit] of Object.entries(hits)) {
  Deno.test(`protocols: no input of ${name} is answered 5xx or throws`, async () => {
    let taken = 0;
    const property = fc.asyncProperty(hit, async (one) => void (taken += await send(one)));
    // The pickiest protocols take one in twenty: while nothing but refusals was tried, go on.
    let rounds = 0;
    do await fc.assert(property, { numRuns: 150 }); while (
      taken === 0 && name !== "posthog forms" && ++rounds < 10
    );
    assert.ok(taken > 0 || name === "posthog forms", "no event was taken");
  });
}

Deno.test("protocols: garbage at any path, with a key or without, gets a problem or is taken", async () => {
  const hit = fc.record({
    path: fc.constantFrom(...paths),
    body: garbage,
    headers: fc.constantFrom({}, key),
  });
  const property = fc.asyncProperty(hit, async (one) => void await send(one));
  await fc.assert(property, { numRuns: 400 });
});
