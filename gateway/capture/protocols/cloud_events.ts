/**
 * CloudEvents 1.0 over HTTP, at `POST /cloudevents`: structured, batched or binary, told apart by
 * the content type in the order the specification says. The key stands in the headers. 202 with the
 * verdicts, as the native endpoint; 400 when every event was refused.
 *
 * | CloudEvents | native |
 * |---|---|
 * | hash of `source` and `id`, which together are unique | `event_id`; both stand in `context` |
 * | extension `userid`, else `data.user_id`, else `subject` | `user_id` |
 * | extension `gameid`, else `data.game_id`, else the key's game | `game_id` |
 * | extension `sessionid`, else `data.session_id` | `session_id` |
 * | `time` | `timestamp` |
 * | `type`: a name of `native_events.ts`, by itself or at the end (`com.acme.level.complete`) | that native type; else a custom type |
 * | `type` `identify` with `data.anonymous_id`, `alias` with `data.previous_id` | the same, which links: that player is `user_id` from then on |
 * | `data`, an object; anything else as its member `data` | `properties` |
 * | `source`, `subject`, `dataschema`, extensions | `context` |
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { Rejection } from "../../../schema/rejection.ts";
import type { Principal } from "../../auth.ts";
import { badRequest } from "../../problem.ts";
import type { Route } from "../../router.ts";
import { decodeUtf8 } from "../decode_events.ts";
import {
  complete,
  type Draft,
  eventFields,
  type Fields,
  firstOf,
  idOf,
  isFields,
  present,
  timestampOf,
} from "./draft.ts";
import { nativeEvent, type NativeParts } from "./native_events.ts";
import {
  assertSomeAccepted,
  eventList,
  gameOf,
  headerKey,
  Intake,
  jsonAnswer,
  jsonOf,
  type ProtocolDeps,
  protocolRoutes,
} from "./protocol.ts";

/** Attributes that stand elsewhere in the native event, or that say how its data was written. */
const placed = new Set(
  ["specversion", "type", "time", "data", "data_base64", "datacontenttype", "gameid", "userid"]
    .concat("sessionid"),
);
const inData = new Set(["user_id", "game_id", "session_id"]);

const batchType = /^\s*application\/cloudevents-batch(\+json)?\s*(;|$)/i;
const eventType = /^\s*application\/cloudevents(\+json)?\s*(;|$)/i;
const jsonType = /^\s*[a-z0-9.+-]+\/([a-z0-9.-]+\+)?json\s*(;|$)/i;

/** One round of percent-decoding, as headers of binary mode are written; bad escapes stay. */
function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** The event of a binary request: attributes in `ce-` headers, data in the body. */
function binaryEvent({ headers }: Request, body: Uint8Array): Fields {
  const attributes = [...headers].filter(([name]) => name.startsWith("ce-"))
    .map(([name, value]) => [name.slice(3), percentDecoded(value)]);
  const contentType = headers.get("content-type") ?? "application/json";
  const data = body.length === 0
    ? undefined
    : jsonType.test(contentType)
    ? jsonOf(body)
    : /^\s*text\//i.test(contentType)
    ? decodeUtf8(body)
    : Buffer.from(body).toString("base64");
  return { ...Object.fromEntries(attributes), ...(data === undefined ? {} : { data }) };
}

function eventsOf(request: Request, body: Uint8Array): readonly unknown[] {
  const contentType = request.headers.get("content-type") ?? "";
  if (batchType.test(contentType)) return eventList(jsonOf(body), "The body");
  if (eventType.test(contentType)) return [jsonOf(body)];
  if (request.headers.has("ce-specversion") || request.headers.has("ce-id")) {
    return [binaryEvent(request, body)];
  }
  throw badRequest(
    "bad_request",
    "Send application/cloudevents+json, application/cloudevents-batch+json, or ce- headers",
  );
}

/** The first attribute that is missing or wrong. */
function attributeFault(event: Fields): Rejection | undefined {
  for (const name of ["id", "source", "type", "specversion"]) {
    const value = event[name];
    if (typeof value === "string" && value !== "") continue;
    const code = value === undefined ? "missing_field" : "invalid_field";
    return new Rejection(code, name, "a string that is not empty", value);
  }
  if (event.specversion === "1.0") return undefined;
  return new Rejection("invalid_field", "specversion", "1.0", event.specversion);
}

/** The data as JSON has it; binary data of a JSON event is text of base64. */
function dataOf(event: Fields): Fields {
  const { data, data_base64 } = event;
  if (isFields(data)) {
    return Object.fromEntries(Object.entries(data).filter(([key]) => !inData.has(key)));
  }
  return present({ data: data ?? data_base64 });
}

/** The type without the reverse domain that producers put before it, if it is a known name then. */
function partsOf(type: string, properties: Fields): NativeParts {
  const words = type.slice(0, 512).split(".");
  const tails = [words, words.slice(-2), words.slice(-1)].map((tail) => tail.join("."));
  for (const tail of tails) {
    const parts = nativeEvent(tail, properties);
    if (isNative(parts.event_type)) return parts;
  }
  return nativeEvent(type, properties);
}

const isNative = (type: string) =>
  /^(purchase|error|identify|alias|(level|match|session|resource|ad|achievement)\.[a-z]+)$/
    .test(type);

function draftOf(source: unknown, principal: Principal, now: number): Draft | Rejection {
  const event = eventFields(source);
  if (event instanceof Rejection) return event;
  const fault = attributeFault(event);
  if (fault !== undefined) return fault;
  const data = isFields(event.data) ? event.data : {};
  const unique = JSON.stringify([event.source, event.id]);
  return complete({
    ...partsOf(event.type as string, dataOf(event)),
    event_id: hash("sha256", unique, "hex").slice(0, 40),
    user_id: idOf(firstOf(event, "userid") ?? firstOf(data, "user_id") ?? event.subject),
    game_id: gameOf(principal, firstOf(event, "gameid") ?? firstOf(data, "game_id")),
    session_id: idOf(firstOf(event, "sessionid") ?? firstOf(data, "session_id")),
    timestamp: timestampOf(event.time, undefined, now),
    context: Object.fromEntries(Object.entries(event).filter(([key]) => !placed.has(key))),
  });
}

export function cloudEventsRoutes(deps: ProtocolDeps): Route[] {
  const intake = new Intake("cloudevents", deps);

  async function receive(request: Request): Promise<Response> {
    const principal = await intake.writer(request, headerKey(request.headers));
    const body = await intake.body(request);
    const sources = await intake.taken(principal, body, () => eventsOf(request, body));
    const now = intake.now();
    const translated = sources.map((source) => ({
      source,
      draft: draftOf(source, principal, now),
    }));
    // Attributes of binary mode stand in headers, which are text as well.
    const verdicts = await intake.accept(principal, translated, Infinity);
    assertSomeAccepted(verdicts);
    return jsonAnswer(202, verdicts);
  }

  return protocolRoutes(["/cloudevents"], ["POST"], receive);
}
