/**
 * PostHog's capture API.
 *
 * `POST /batch/`, and one event or an array at `/capture/`, `/e/`, `/i/v0/e/`, `/track/`, `/engage/`,
 * also as `GET …?data=`. The project key is `api_key` (or `token`) of the body or of an event. Bodies
 * are JSON, gzip of it whatever the headers say, or a form whose `data` is JSON or base64 of it. 200
 * `{"status":1}`; 429 and 5xx are retried by the SDKs with the same `uuid`, 400 is not.
 *
 * `POST /flags/` and `/decide/` know no flags: `{"featureFlags":{},"flags":{}}`.
 *
 * | PostHog | native |
 * |---|---|
 * | `uuid`, else `$insert_id` | `event_id` |
 * | `distinct_id`, of the event or its properties | `user_id`; before a login it is the SDK's anonymous id |
 * | `properties.game_id`, else the key's game | `game_id` |
 * | `$session_id` | `session_id` |
 * | `timestamp`, corrected by `sent_at`; else arrival − `offset` | `timestamp` |
 * | `$identify` | `identify`: `traits`, `traits_once`; `$anon_distinct_id` as `anonymous_id`, which links: that player is `distinct_id` from then on |
 * | `$set` | `identify`: `traits`, `traits_once`; it links nobody |
 * | `$create_alias`, `$merge_dangerously` | `alias`: `alias` as `previous_id`, which links: that player is `distinct_id` from then on |
 * | `$exception` | `error`: `message`, `severity` |
 * | `$pageview`, `$screen` | `page`, `screen` |
 * | `$groupidentify` | none: a group is no player |
 * | others | the type of the name (`native_events.ts`) |
 * | properties with a leading `$` | `context`; the others are `properties` |
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Rejection } from "../../../schema/rejection.ts";
import { badRequest } from "../../problem.ts";
import type { Route } from "../../router.ts";
import type { Principal } from "../../auth.ts";
import { decodeUtf8 } from "../decode_events.ts";
import {
  complete,
  type Draft,
  eventFields,
  EventIds,
  type Fields,
  fieldsOf,
  firstOf,
  idOf,
  isFields,
  numberOf,
  present,
  shortText,
  timestampOf,
} from "./draft.ts";
import { nativeEvent, type NativeParts, shaped } from "./native_events.ts";
import {
  assertSomeAccepted,
  eventList,
  gameOf,
  headerKey,
  Intake,
  jsonAnswer,
  parseJson,
  type ProtocolDeps,
  protocolRoutes,
} from "./protocol.ts";

/** What is said by the names of properties alone, or must not be kept. */
const notKept = new Set(["token", "distinct_id", "game_id", "$session_id", "$insert_id"]);

/** Splits the SDK's own properties from the studio's. */
function split(all: Fields): { readonly properties: Fields; readonly context: Fields } {
  const kept = Object.entries(all).filter(([key]) => !notKept.has(key));
  return {
    properties: Object.fromEntries(kept.filter(([key]) => !key.startsWith("$"))),
    context: Object.fromEntries(kept.filter(([key]) => key.startsWith("$"))),
  };
}

function exception(all: Fields, properties: Fields): NativeParts {
  const list = all.$exception_list;
  const first = fieldsOf(Array.isArray(list) ? list[0] : undefined);
  const message = shortText(all.$exception_message ?? first.value ?? first.type, 8192);
  const severity = shortText(all.$exception_level);
  return shaped("error", { ...properties, ...present({ message, severity }) });
}

function partsOf(event: Fields, all: Fields, properties: Fields): NativeParts {
  switch (event.event) {
    case "$identify":
    case "$set": {
      const traits = all.$set ?? event.$set;
      const traits_once = all.$set_once ?? event.$set_once;
      const anonymous_id = event.event === "$set" ? undefined : idOf(all.$anon_distinct_id);
      return { event_type: "identify", properties: present({ anonymous_id, traits, traits_once }) };
    }
    case "$create_alias":
    case "$merge_dangerously":
      return { event_type: "alias", properties: present({ previous_id: idOf(all.alias) }) };
    case "$exception":
      return exception(all, properties);
    case "$pageview":
      return { event_type: "page", properties };
  }
  return nativeEvent(event.event, properties);
}

interface Batch {
  readonly principal: Principal;
  readonly ids: EventIds;
  readonly sentAt: unknown;
  readonly now: number;
}

/** When the event happened: browsers may say how long before the sending instead of when. */
function momentOf(event: Fields, { sentAt, now }: Batch): unknown {
  const offsetMs = numberOf(event.offset);
  if (event.timestamp === undefined && offsetMs !== undefined) {
    return timestampOf(now - offsetMs, undefined, now);
  }
  return timestampOf(event.timestamp, event.sent_at ?? sentAt, now);
}

function draftOf(source: unknown, batch: Batch): Draft | Rejection {
  const event = eventFields(source);
  if (event instanceof Rejection) return event;
  const all = fieldsOf(event.properties);
  const { properties, context } = split(all);
  const parts = partsOf(event, all, properties);
  const { sent_at: _sentAt, offset: _offset, ...repeated } = event;
  // What is said in the native properties need not be said twice.
  const { $set: _set, $set_once: _once, $anon_distinct_id: _anonymous, ...rest } = context;
  return complete({
    ...parts,
    event_id: batch.ids.of(event.uuid ?? all.$insert_id, repeated),
    user_id: idOf(event.distinct_id ?? all.distinct_id ?? event.$distinct_id),
    game_id: gameOf(batch.principal, firstOf(all, "game_id")),
    session_id: idOf(all.$session_id),
    timestamp: momentOf(event, batch),
    context: rest,
  });
}

const isGroup = (source: unknown) => isFields(source) && source.event === "$groupidentify";

/** `data` of a form or query: JSON, or base64 of it. */
function dataText(data: string): string {
  const isBase64 = /^[A-Za-z0-9+/=_ -]+$/.test(data);
  // A `+` that was not escaped arrives as a space.
  return isBase64 ? decodeUtf8(Buffer.from(data.replaceAll(" ", "+"), "base64")) : data;
}

function textOf(request: Request, body: Uint8Array): string {
  const query = new URL(request.url).searchParams.get("data");
  if (body.length === 0 && query !== null) return dataText(query);
  const text = decodeUtf8(body);
  if (!/^\s*data=/.test(text.slice(0, 64))) return text;
  const data = new URLSearchParams(text.trim()).get("data");
  if (data === null) throw badRequest("bad_request", "The form must have a field named data");
  return dataText(data);
}

/** The key of a body: its own, or that of its first event. */
function keyOf(body: unknown): unknown {
  const first = Array.isArray(body) ? body[0] : body;
  const batch = fieldsOf(first).batch;
  for (const candidate of [first, Array.isArray(batch) ? batch[0] : undefined]) {
    const fields = fieldsOf(candidate);
    const key = firstOf(fields, "api_key", "token", "$token") ??
      firstOf(fieldsOf(fields.properties), "token", "api_key");
    if (key !== undefined) return key;
  }
  return undefined;
}

function eventsOf(body: unknown): readonly unknown[] {
  if (Array.isArray(body)) return eventList(body, "The body");
  return isFields(body) && Object.hasOwn(body, "batch") ? eventList(body.batch, "batch") : [body];
}

export function posthogRoutes(deps: ProtocolDeps): Route[] {
  const intake = new Intake("posthog", deps);

  async function opened(request: Request) {
    const query = new URL(request.url).searchParams;
    const inHead = headerKey(request.headers) ?? query.get("api_key") ?? query.get("token");
    const known = inHead === null ? undefined : await intake.writer(request, inHead);
    const bytes = await intake.body(request);
    const body = await intake.taken(known, bytes, () => parseJson(textOf(request, bytes)));
    return { principal: known ?? await intake.writer(request, keyOf(body)), bytes, body };
  }

  async function capture(request: Request): Promise<Response> {
    const { principal, bytes, body } = await opened(request);
    const sources = await intake.taken(principal, bytes, () => eventsOf(body));
    const sentAt = fieldsOf(body).sent_at;
    const batch = { principal, ids: new EventIds(), sentAt, now: intake.now() };
    const translated = sources.filter((source) => !isGroup(source))
      .map((source) => ({ source, draft: draftOf(source, batch) }));
    const textBytes = Math.max(bytes.length, request.url.length);
    if (translated.length > 0) {
      assertSomeAccepted(await intake.accept(principal, translated, textBytes));
    }
    return jsonAnswer(200, { status: 1 });
  }

  async function flags(request: Request): Promise<Response> {
    await opened(request);
    return jsonAnswer(200, { featureFlags: {}, flags: {}, errorsWhileComputingFlags: false });
  }

  const capturePaths = ["/batch", "/capture", "/e", "/i/v0/e", "/track", "/engage"];
  return [
    ...protocolRoutes(capturePaths, ["GET", "POST"], capture),
    ...protocolRoutes(["/flags", "/decide"], ["POST"], flags),
  ];
}
