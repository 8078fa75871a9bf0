/**
 * What the API's description says of the gateway's own endpoints.
 *
 * @module
 */
import { z } from "zod";
import { payloadSchemas } from "../../../schema/event_payloads.ts";
import { jsonSchema, nativeEventSchema } from "../../../schema/event_schema.ts";
import type { Operation, Operations } from "../../../schema/http/openapi/document.ts";
import { limits } from "../../../schema/limits.ts";

const partSchema = z.object({ part: z.string() });
const eventList = z.array(nativeEventSchema).min(1).max(limits.requestEventsMax);

export const nativeSchemas: Readonly<Record<string, z.ZodType>> = {
  Json: jsonSchema,
  Event: nativeEventSchema,
  Events: z.union([nativeEventSchema, eventList, z.object({ events: eventList })]),
  ...Object.fromEntries(
    Object.entries(payloadSchemas).map(([type, schema]) => [`properties.${type}`, schema]),
  ),
  Verdicts: z.object({
    accepted: z.int().min(0).describe("Events that are durable"),
    rejected: z.array(z.object({
      index: z.int().min(0).describe("Position in the request, from 0"),
      code: z.string(),
      path: z.string(),
      message: z.string(),
    })),
  }),
  GraphqlRequest: z.object({
    query: z.string().max(limits.graphqlQueryCharsMax).optional(),
    variables: z.record(z.string(), z.unknown()).optional(),
    operationName: z.string().optional(),
    extensions: z.record(z.string(), z.unknown()).optional(),
  }),
  GraphqlAnswer: z.object({
    data: z.unknown().optional(),
    errors: z.array(z.looseObject({ message: z.string() })).optional(),
  }),
  Live: z.object({ status: z.literal("live") }),
  Readiness: z.object({
    status: z.enum(["ready", "not_ready"]),
    failing: z.array(partSchema),
    degraded: z.array(partSchema).optional(),
    parts: z.array(z.string()),
  }),
};

const event = {
  event_id: "0190a3c2-7c1e-7000-8000-000000000001",
  event_type: "level.complete",
  user_id: "u-17",
  game_id: "chess",
  session_id: "s-9",
  properties: { level: 3, score: 1200 },
  context: { platform: "ios", app_version: "1.4.2", country: "DE" },
};
const purchase = {
  event_id: "0190a3c2-7c1e-7000-8000-000000000002",
  event_type: "purchase",
  user_id: "u-17",
  game_id: "chess",
  properties: { amount: 499, currency: "EUR", item: "board" },
};

/** What opens an endpoint with a key or token. */
export const keyed: Operation["security"] = ["bearer", "apiKey"];

const graphqlAnswers: Operation["answers"] = {
  200: {
    description: "Data, or errors with a stable `extensions.code`",
    schema: "GraphqlAnswer",
    types: ["application/graphql-response+json", "application/json"],
  },
};

const text = { type: "string" };

export const nativeOperations: Operations = {
  "POST /api/v1/events": {
    summary: "Send events",
    description:
      'One event, an array, `{"events":[…]}` or NDJSON, gzipped or not. 202 says that at least one ' +
      "event is durable; each refused one has its verdict. `event_id` makes a repetition count once. " +
      `A request has at most ${limits.requestEventsMax} events and ${limits.requestBytesMax} bytes, ` +
      `an event ${limits.eventBytesMax}. At 429 and 503 send the same again after \`Retry-After\`.\n\n` +
      "`timestamp` is RFC 3339, at most 30 days back and 24 hours ahead; arrival without it. What " +
      "properties a known type has stands in the schemas `properties.TYPE`.",
    tag: "Events",
    security: keyed,
    body: {
      schema: "Events",
      examples: { "one event": event, "an array": [event, purchase], wrapped: { events: [event] } },
    },
    answers: {
      202: {
        description: "At least one event is durable",
        schema: "Verdicts",
        examples: { "all accepted": { accepted: 2, rejected: [] } },
      },
    },
  },
  "GET /ws": {
    summary: "Events and live players over a WebSocket",
    description: 'Only as an upgrade. The first message is `{"type":"auth","token":…}`, unless a ' +
      "header has the key; then `events`, `subscribe`, `unsubscribe`. README tells of the messages.",
    tag: "Events",
    security: [...keyed, "inMessage"],
    answers: { 101: { description: "The protocol is switched" } },
  },
  "GET /graphql": {
    summary: "Query by GET",
    description: "The answer has an `ETag`; ask again with `If-None-Match`. With " +
      "`Accept: text/event-stream` a subscription streams; as an upgrade it is graphql-transport-ws.",
    tag: "GraphQL",
    security: keyed,
    query: [
      {
        name: "query",
        description: "The operation",
        required: true,
        schema: text,
        example: '{ game(id: "chess") { dau eventsTotal } }',
      },
      { name: "variables", description: "JSON", schema: text },
      { name: "operationName", description: "Which of several", schema: text },
      {
        name: "extensions",
        description: "JSON, such as a persisted operation's hash",
        schema: text,
      },
    ],
    answers: graphqlAnswers,
  },
  "POST /graphql": {
    summary: "Query by POST",
    tag: "GraphQL",
    security: keyed,
    body: {
      schema: "GraphqlRequest",
      examples: {
        "a game": { query: '{ game(id: "chess") { dau ccu eventsTotal } }' },
        "with a variable": {
          query: "query Player($id: ID!) { player(id: $id) { level revenueMinor } }",
          variables: { id: "u-17" },
        },
      },
    },
    answers: graphqlAnswers,
  },
  "GET /health/live": {
    summary: "Whether the process answers at all",
    tag: "Health",
    security: [],
    answers: { 200: { description: "It does", schema: "Live" } },
  },
  "GET /health/ready": {
    summary: "Whether requests should be sent here",
    tag: "Health",
    security: [],
    answers: {
      200: { description: "They should", schema: "Readiness" },
      503: { description: "They should not; `failing` says why", schema: "Readiness" },
    },
  },
  "GET /openapi.json": {
    summary: "This document",
    tag: "Description",
    security: [],
    answers: { 200: { description: "OpenAPI 3.1", types: ["application/json"] } },
  },
  "GET /docs": {
    summary: "This document as a page",
    tag: "Description",
    security: [],
    answers: { 200: { description: "HTML without scripts", types: ["text/html"] } },
  },
};
