/**
 * What the API's description says of the capture protocols of other vendors.
 *
 * @module
 */
import { z } from "zod";
import type { Operation, Operations, QueryField } from "../../../schema/http/openapi/document.ts";
import { keyed } from "./native_operations.ts";

const text = { type: "string" };
const vendorEvent = z.looseObject({});

export const protocolSchemas: Readonly<Record<string, z.ZodType>> = {
  GameAnalyticsEvents: z.array(z.looseObject({
    category: z.string(),
    user_id: z.string(),
    client_ts: z.int(),
    v: z.int(),
  })).min(1),
  GameAnalyticsInit: z.looseObject({ user_id: z.string().optional() }),
  GameAnalyticsConfigs: z.looseObject({ server_ts: z.int(), enabled: z.boolean() }),
  SegmentEvent: z.looseObject({
    userId: z.string().optional(),
    anonymousId: z.string().optional(),
    messageId: z.string().optional(),
    writeKey: z.string().optional(),
  }),
  SegmentBatch: z.looseObject({
    batch: z.array(z.looseObject({ type: z.string() })).min(1),
    writeKey: z.string().optional(),
    sentAt: z.string().optional(),
  }),
  SegmentAnswer: z.object({ success: z.literal(true) }),
  PosthogRequest: z.union([
    z.looseObject({ batch: z.array(vendorEvent).min(1), api_key: z.string().optional() }),
    z.array(vendorEvent).min(1),
    z.looseObject({ event: z.string(), api_key: z.string().optional() }),
  ]),
  PosthogAnswer: z.object({ status: z.literal(1) }),
  PosthogPlayer: z.looseObject({ distinct_id: z.string().optional() }),
  PosthogFlags: z.looseObject({ featureFlags: z.object({}), flags: z.object({}) }),
  SnowplowPayload: z.looseObject({
    schema: z.string().optional(),
    data: z.array(z.looseObject({ e: z.string(), aid: z.string().optional() })).min(1),
  }),
  SnowplowAnswer: z.object({ accepted: z.literal(true) }),
  CountlyRequest: z.looseObject({ app_key: z.string().optional(), device_id: z.string() }),
  CountlyBulk: z.looseObject({ app_key: z.string().optional(), requests: z.array(vendorEvent) }),
  CountlyAnswer: z.object({ result: z.literal("Success") }),
  Empty: z.object({}),
  CloudEvent: z.looseObject({
    specversion: z.literal("1.0"),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    data: z.unknown().optional(),
  }),
};

const ok = (schema: string, description = "Taken"): Operation["answers"] => ({
  200: { description, schema },
});

/** Several paths of one operation. */
const each = (methods: string, paths: readonly string[], operation: Operation): Operations =>
  Object.fromEntries(
    methods.split(" ").flatMap((method) =>
      paths.map((path) => {
        const { body: _body, ...bodiless } = operation;
        const said = method === "GET" ? bodiless : operation;
        return [`${method} ${path}`, { ...said, also: [`${path}/`] }];
      })
    ),
  );

const gameAnalyticsEvent = {
  category: "design",
  event_id: "level:door:open",
  value: 3,
  v: 2,
  user_id: "u-17",
  client_ts: 1_768_478_400,
  sdk_version: "javascript 4.4.7",
  os_version: "webgl 5.1",
  manufacturer: "unknown",
  device: "unknown",
  platform: "webgl",
  session_id: "0190a3c2-7c1e-7000-8000-0000000000aa",
  session_num: 1,
};

const gameAnalytics: Operations = {
  ...each("POST", ["/v2/:key/events"], {
    summary: "Events of GameAnalytics' SDKs",
    description:
      "Refused events go to the dead letters under a 200; what may pass is 503 without a " +
      "body, so that SDKs keep their events.",
    tag: "GameAnalytics",
    security: ["signature"],
    body: { schema: "GameAnalyticsEvents", examples: { "a design event": [gameAnalyticsEvent] } },
    answers: ok("Empty"),
  }),
  ...each("POST", ["/v2/:key/init"], {
    summary: "Begin a session",
    tag: "GameAnalytics",
    security: ["signature"],
    body: { schema: "GameAnalyticsInit", examples: { "a session": { user_id: "u-17" } } },
    answers: { 201: { description: "No configs", schema: "GameAnalyticsConfigs" } },
  }),
  ...each("POST", ["/remote_configs/v1/init"], {
    summary: "Begin a session, of newer SDKs",
    tag: "GameAnalytics",
    security: ["signature"],
    query: [{
      name: "game_key",
      description: "The key's id",
      required: true,
      schema: text,
      example: "0123456789abcdef0123456789abcdef",
    }],
    body: { schema: "GameAnalyticsInit", examples: { "a session": { user_id: "u-17" } } },
    answers: { 201: { description: "No configs", schema: "GameAnalyticsConfigs" } },
  }),
};

const segmentCalls: Readonly<Record<string, readonly [short: string, example: object]>> = {
  track: ["t", { event: "Level Completed", properties: { level: 3, score: 1200 } }],
  identify: ["i", { traits: { plan: "free" } }],
  page: ["p", { name: "Shop" }],
  screen: ["s", { name: "Shop" }],
  group: ["g", { groupId: "guild-1" }],
  alias: ["a", { previousId: "anonymous-1" }],
};

const segment: Operations = {
  ...Object.assign(
    {},
    ...Object.entries(segmentCalls).map(([call, [short, example]]) =>
      each("POST", [`/v1/${call}`, `/v1/${short}`], {
        summary: `One ${call} call`,
        tag: "Segment",
        security: [...keyed, "basic", "inBody"],
        body: {
          schema: "SegmentEvent",
          examples: { "a call": { messageId: `m-${call}`, userId: "u-17", ...example } },
        },
        answers: ok("SegmentAnswer"),
      })
    ),
  ),
  ...each("POST", ["/v1/batch", "/v1/b", "/v1/import"], {
    summary: "Many calls",
    tag: "Segment",
    security: [...keyed, "basic", "inBody"],
    body: {
      schema: "SegmentBatch",
      examples: {
        "a batch": {
          batch: [{ type: "track", messageId: "m-1", userId: "u-17", event: "Level Started" }],
        },
      },
    },
    answers: ok("SegmentAnswer"),
  }),
};

const dataField: QueryField = {
  name: "data",
  description: "By GET: the body as JSON, or base64 of it",
  schema: text,
  example: '{"event":"jump","distinct_id":"u-17","uuid":"0190a3c2-7c1e-7000-8000-0000000000cc"}',
};

const posthog: Operations = {
  ...each("GET POST", ["/batch", "/capture", "/e", "/i/v0/e", "/track", "/engage"], {
    summary: "Events of PostHog's SDKs",
    tag: "PostHog",
    security: [...keyed, "inBody"],
    query: [dataField],
    body: {
      schema: "PosthogRequest",
      examples: {
        "a batch": {
          batch: [{
            event: "level complete",
            distinct_id: "u-17",
            uuid: "0190a3c2-7c1e-7000-8000-0000000000bb",
            properties: { level: 3, $os: "iOS" },
          }],
        },
      },
    },
    answers: ok("PosthogAnswer"),
  }),
  ...each("POST", ["/flags", "/decide"], {
    summary: "Feature flags, of which there are none",
    tag: "PostHog",
    security: [...keyed, "inBody"],
    body: { schema: "PosthogPlayer", examples: { "a player": { distinct_id: "u-17" } } },
    answers: ok("PosthogFlags"),
  }),
};

const snowplow: Operations = each("POST", ["/com.snowplowanalytics.snowplow/tp2"], {
  summary: "Events of Snowplow's trackers",
  tag: "Snowplow",
  security: [...keyed, "inBody"],
  body: {
    schema: "SnowplowPayload",
    examples: {
      "a structured event": {
        schema: "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
        data: [{
          e: "se",
          eid: "0190a3c2-7c1e-7000-8000-0000000000dd",
          uid: "u-17",
          se_ca: "levels",
          se_ac: "level.complete",
          se_la: "3",
        }],
      },
    },
  },
  answers: ok("SnowplowAnswer"),
});

const countlyFields: readonly QueryField[] = [
  {
    name: "app_key",
    description: "The key, unless a header has it",
    schema: text,
    example: "KEY",
  },
  { name: "device_id", description: "The player", schema: text, example: "u-17" },
];
const countlyExample = { device_id: "u-17", events: '[{"key":"jump","count":1}]' };

const countly: Operations = {
  ...each("GET POST", ["/i"], {
    summary: "Events of Countly's SDKs; by GET also Snowplow's pixel",
    description: "Parameters stand in the query, a form or a JSON object. By GET with `e` it is " +
      "Snowplow's pixel, which answers with an image.",
    tag: "Countly",
    security: [...keyed, "inQuery"],
    query: [
      ...countlyFields,
      { name: "begin_session", description: "1: a session begins", schema: text, example: "1" },
    ],
    body: { schema: "CountlyRequest", examples: { "an event": countlyExample } },
    answers: ok("CountlyAnswer"),
  }),
  ...each("GET POST", ["/i/bulk"], {
    summary: "Requests for many devices",
    tag: "Countly",
    security: [...keyed, "inQuery"],
    query: [
      countlyFields[0]!,
      {
        name: "requests",
        description: "By GET: the requests as JSON",
        schema: text,
        example: JSON.stringify([countlyExample]),
      },
    ],
    body: { schema: "CountlyBulk", examples: { "one device": { requests: [countlyExample] } } },
    answers: ok("CountlyAnswer"),
  }),
  ...each("GET POST", ["/o/sdk"], {
    summary: "Remote configuration, of which there is none",
    tag: "Countly",
    security: ["inQuery"],
    query: [{ ...countlyFields[0]!, required: true, example: "KEY" }],
    answers: ok("Empty"),
  }),
};

const cloudEvent = {
  specversion: "1.0",
  id: "e-1",
  source: "/servers/eu-1",
  type: "com.example.level.complete",
  subject: "u-17",
  data: { level: 3, score: 1200 },
};

const cloudEvents: Operations = each("POST", ["/cloudevents"], {
  summary: "CloudEvents 1.0: structured, batched, or binary",
  tag: "CloudEvents",
  security: [...keyed, "basic"],
  body: {
    schema: "CloudEvent",
    types: ["application/cloudevents+json"],
    examples: { "an event": cloudEvent },
  },
  answers: {
    202: { description: "At least one event is durable", schema: "Verdicts" },
  },
});

export const protocolOperations: Operations = {
  ...gameAnalytics,
  ...segment,
  ...posthog,
  ...snowplow,
  ...countly,
  ...cloudEvents,
};
