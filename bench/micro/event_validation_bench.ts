/**
 * `validateEvent` against the zod schemas on a batch of 100 typical events, and what parsing the
 * same batch costs beside it. Divide a time by 100 for one event.
 *
 * @module
 */
import { payloadSchemas } from "../../schema/event_payloads.ts";
import { nativeEventSchema } from "../../schema/event_schema.ts";
import { validateEvent } from "../../schema/event_validation.ts";

const now = Date.UTC(2026, 0, 15, 12);
const types = ["level.complete", "session.start", "purchase", "resource.sink", "custom.thing"];
const batch = Array.from({ length: 100 }, (_, i) => ({
  event_id: `0190aaaa-0000-7000-8000-${String(i).padStart(12, "0")}`,
  event_type: types[i % types.length]!,
  user_id: `player-${i * 7919}`,
  game_id: "demo",
  session_id: `session-${i}`,
  timestamp: new Date(now - i * 1000).toISOString(),
  properties: { level: i, score: i * 10, amount: 499, currency: "EUR", item: "sword" },
  context: { platform: "ios", app_version: "1.4.2", country: "DE" },
}));
const text = JSON.stringify(batch);
const parsed: unknown[] = JSON.parse(text);
const scope = {
  studio: "demo",
  games: "*",
  now,
  newId: () => "id",
  textBytes: text.length,
} as const;

Deno.bench("JSON.parse, 100 events", () => void JSON.parse(text));

Deno.bench("validateEvent, 100 events", () => {
  for (const raw of parsed) validateEvent(raw, scope);
});

Deno.bench("zod, 100 events", () => {
  for (const raw of parsed) {
    const event = nativeEventSchema.parse(raw);
    payloadSchemas[event.event_type]?.parse(event.properties);
  }
});
