/**
 * The description of the gateway's port, and the routes that serve it.
 *
 * @module
 */
import {
  type DocumentParts,
  type OpenApiDocument,
  openApiDocument,
} from "../../../schema/http/openapi/document.ts";
import { docsHeaders, docsPage } from "../../../schema/http/openapi/docs_page.ts";
import { limits } from "../../../schema/limits.ts";
import type { Route } from "../../router.ts";
import { fixedAnswer } from "../fixed_answer.ts";
import { nativeOperations, nativeSchemas } from "./native_operations.ts";
import { protocolOperations, protocolSchemas } from "./protocol_operations.ts";

const securitySchemes: DocumentParts["securitySchemes"] = {
  bearer: { type: "http", scheme: "bearer", description: "An API key, or a token (JWT)" },
  apiKey: { type: "apiKey", in: "header", name: "X-Api-Key" },
  basic: { type: "http", scheme: "basic", description: "The key as user, no password" },
  inQuery: { type: "apiKey", in: "query", name: "app_key" },
  inBody: {
    type: "apiKey",
    in: "query",
    name: "api_key",
    description:
      "Where the protocol has its key: the body (`writeKey`, `api_key`, `aid`) or the query",
  },
  inMessage: {
    type: "apiKey",
    in: "query",
    name: "token",
    description: 'Not in the query but in the first message of the socket: `{"type":"auth"}`',
  },
  signature: {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description: "base64 of HMAC-SHA256 over the body as sent, by the secret of an hmac key",
  },
};

const parts: DocumentParts = {
  info: {
    title: "GameMetrics Pro",
    version: "1",
    license: { name: "MIT", identifier: "MIT" },
    description:
      "Events in, figures out. Every answer has an `X-Request-Id` (yours, if it has 1 to " +
      "128 of A-Z a-z 0-9 _ . : -). Whatever is not answered as described here is answered with " +
      "`application/problem+json` and a stable `code`: `unauthorized`, `forbidden`, " +
      "`origin_forbidden`, `not_found`, `method_not_allowed`, `too_large`, `request_timeout`, `rate_limited`, " +
      "`unavailable` and others.\n\n" +
      "Reads are packed (`gzip`, `br`) from 1 KiB on. Pages of any origin may call what needs a key; " +
      "a key may be held to some origins. `OPTIONS` answers preflights without a key.",
  },
  tags: [
    { name: "Events", description: "The native way in." },
    { name: "GraphQL", description: "Players, games, events, leaderboards, live or as they were." },
    { name: "Health", description: "For orchestrators." },
    { name: "Description", description: "What you are reading." },
    ...["GameAnalytics", "Segment", "PostHog", "Snowplow", "Countly", "CloudEvents"].map((
      name,
    ) => ({
      name,
      description:
        `The protocol of ${name}'s clients: point them here, with a key of ours in place ` +
        "of theirs. Every path also with a final slash.",
    })),
  ],
  securitySchemes,
  pathFields: {
    key: { description: "The id of an hmac key", example: "0123456789abcdef0123456789abcdef" },
  },
  schemas: { ...nativeSchemas, ...protocolSchemas },
  operations: { ...nativeOperations, ...protocolOperations },
};

/** The document; it says the same at every node. */
export function gatewayDocument(): OpenApiDocument {
  return openApiDocument(parts);
}

const caching = {
  "cache-control": `public, max-age=${limits.descriptionSeconds}`,
  // For tools of other sites; there is nothing in it that is not public.
  "access-control-allow-origin": "*",
};

/** `/openapi.json` and `/docs`. */
export function descriptionRoutes(): Route[] {
  const json = fixedAnswer(() => ({
    text: JSON.stringify(gatewayDocument()),
    headers: { ...caching, "content-type": "application/json" },
  }));
  const page = fixedAnswer(() => ({
    text: docsPage(gatewayDocument()),
    headers: { ...caching, ...docsHeaders },
  }));
  return [
    { path: "/openapi.json", methods: ["GET"], load: "read", handler: json },
    { path: "/docs", methods: ["GET"], load: "read", handler: page },
  ];
}
