/**
 * Countly's SDK API: `GET` or `POST /i` with parameters in the query, a form or a JSON object, and
 * `/i/bulk` with many such requests as `requests`. The key is `app_key`. 200 `{"result":"Success"}`
 * is the only answer after which an SDK forgets what it sent, and it sends anything else again and
 * again; so refused events lie in the dead letters under a 200. `checksum256` is not verified: its
 * salt ships in each client. `GET|POST /o/sdk` (remote config) knows nothing: `{}`.
 *
 * | Countly | native |
 * |---|---|
 * | `device_id` | `user_id`: a generated one before a login, the user's after |
 * | `id` of an event, else a hash of device, time and content, which a retry repeats | `event_id` |
 * | `timestamp` of the event or request, seconds or milliseconds | `timestamp` |
 * | `begin_session=1` | `session.start`, with `metrics` in its context |
 * | `session_duration` | `session.update`: `duration_s` |
 * | `end_session=1` | `session.end`: `duration_s` |
 * | `events[]` | the type of the `key` (`native_events.ts`), `segmentation` with `count`, `sum`, `dur` as properties; the `sum` of a purchase is its price in major units |
 * | `[CLY]_view` | `page` |
 * | `crash` | `error`: `message`, `severity` (`critical`, or `error` if not fatal) |
 * | `user_details` | `identify`: `traits` |
 * | `old_device_id` (a change of device id with merge) | `alias`: `previous_id`, which links: the player of the old id is `device_id` from then on |
 * | `sdk_name`, `sdk_version`, `country_code` | `context` |
 *
 * @module
 */
import { Rejection } from "../../../schema/rejection.ts";
import type { Principal } from "../../auth.ts";
import type { Handler, Route } from "../../router.ts";
import { decodeUtf8 } from "../decode_events.ts";
import {
  complete,
  type Draft,
  eventFields,
  EventIds,
  type Fields,
  fieldsOf,
  idOf,
  isFields,
  numberOf,
  own,
  present,
  shortText,
  timestampOf,
} from "./draft.ts";
import { nativeEvent, type NativeParts } from "./native_events.ts";
import {
  assertEventCount,
  eventList,
  gameOf,
  headerKey,
  Intake,
  jsonAnswer,
  jsonOf,
  parseJson,
  type ProtocolDeps,
  protocolRoutes,
  type Translated,
} from "./protocol.ts";

/** A parameter that is JSON text in queries and forms, and JSON already in JSON bodies. */
function jsonParameter(value: unknown): unknown {
  return typeof value === "string" && value !== "" ? parseJson(value) : value;
}

/** The parameters of a request: those of the body go before those of the query. */
function parametersOf(request: Request, body: Uint8Array): Fields {
  const query = Object.fromEntries(new URL(request.url).searchParams);
  if (body.length === 0) return query;
  const text = decodeUtf8(body);
  const isJson = /^\s*[[{]/.test(text.slice(0, 64));
  const given = isJson ? fieldsOf(jsonOf(body)) : Object.fromEntries(new URLSearchParams(text));
  return { ...query, ...given };
}

const isSet = (value: unknown) =>
  value === "1" || value === 1 || value === true || value === "true";

const cly = /^\[CLY\]_/;

function eventParts(event: Fields): NativeParts {
  const { key, count, sum, dur } = event;
  const segmentation = fieldsOf(event.segmentation);
  const properties = { ...segmentation, ...present({ count, sum, dur }) };
  if (typeof key === "string" && cly.test(key)) {
    const name = key.replace(cly, "");
    return name === "view"
      ? { event_type: "page", properties }
      : nativeEvent(`cly_${name}`, properties);
  }
  const parts = nativeEvent(key, properties);
  const price = numberOf(sum);
  if (parts.event_type !== "purchase" || price === undefined || "amount" in properties) {
    return parts;
  }
  return nativeEvent(key, { ...properties, revenue: price });
}

function crashParts(crash: Fields): NativeParts {
  const message = shortText(crash._error, 8192);
  const severity = isSet(crash._nonfatal) ? "error" : "critical";
  const custom = fieldsOf(crash._custom);
  return { event_type: "error", properties: { ...custom, ...present({ message, severity }) } };
}

/** What one request of an SDK says, as events before their common fields. */
interface Said {
  readonly source: unknown;
  readonly parts: NativeParts | Rejection;
  readonly timestamp?: unknown;
  readonly id?: unknown;
  readonly context?: Fields;
}

function eventsSaid(list: unknown): Said[] {
  return eventList(list, "events").map((source) => {
    const event = eventFields(source);
    if (event instanceof Rejection) return { source, parts: event };
    return { source, parts: eventParts(event), timestamp: event.timestamp, id: event.id };
  });
}

function* sessionSaid(request: Fields): Iterable<Said> {
  const { begin_session, end_session, session_duration, metrics } = request;
  const duration_s = numberOf(session_duration);
  const properties = present({ duration_s });
  if (isSet(begin_session)) {
    const context = fieldsOf(jsonParameter(metrics));
    const parts = { event_type: "session.start", properties: {} };
    yield { source: { begin_session, metrics }, parts, context };
  }
  if (isSet(end_session)) {
    const parts = { event_type: "session.end", properties };
    yield { source: { end_session, session_duration }, parts };
  } else if (duration_s !== undefined) {
    yield { source: { session_duration }, parts: { event_type: "session.update", properties } };
  }
}

/** @throws {Problem} 400 when a parameter that must be JSON is none */
function* said(request: Fields): Iterable<Said> {
  const previous_id = idOf(request.old_device_id);
  if (previous_id !== undefined) {
    const parts = { event_type: "alias", properties: { previous_id } as Fields };
    yield { source: { old_device_id: previous_id }, parts };
  }
  yield* sessionSaid(request);
  const details = jsonParameter(request.user_details);
  if (isFields(details)) {
    const parts = { event_type: "identify", properties: { traits: details } };
    yield { source: { user_details: details }, parts };
  }
  const crash = jsonParameter(request.crash);
  if (isFields(crash)) yield { source: { crash }, parts: crashParts(crash) };
  const events = jsonParameter(request.events);
  if (Array.isArray(events) && events.length > 0) yield* eventsSaid(events);
}

/** @throws {Problem} as {@link said} */
function translate(
  request: Fields,
  principal: Principal,
  ids: EventIds,
  now: number,
): Translated[] {
  const { sdk_name, sdk_version, country_code } = request;
  // Copied to each event, so it must stay small.
  const common = present({
    sdk_name: shortText(sdk_name),
    sdk_version: shortText(sdk_version),
    country: shortText(country_code),
  });
  const device = idOf(own(request, "device_id"));
  return Array.from(said(request), ({ source, parts, timestamp, id, context }) => {
    if (parts instanceof Rejection) return { source, draft: parts };
    const at = timestamp ?? request.timestamp;
    const draft: Draft = complete({
      ...parts,
      event_id: ids.of(id, [device, at, source]),
      user_id: device,
      game_id: gameOf(principal, undefined),
      timestamp: timestampOf(at, undefined, now),
      context: { ...common, ...context },
    });
    return { source, draft };
  });
}

/** The endpoints; `receive` is that of `/i`, a path it shares. */
export function countlyRoutes(deps: ProtocolDeps): { routes: Route[]; receive: Handler } {
  const intake = new Intake("countly", deps);
  const success = () => jsonAnswer(200, { result: "Success" });

  async function opened(request: Request) {
    const inQuery = new URL(request.url).searchParams.get("app_key");
    const inHead = headerKey(request.headers) ?? inQuery;
    const known = inHead === null ? undefined : await intake.writer(request, inHead);
    const body = await intake.body(request);
    const fields = await intake.taken(known, body, () => parametersOf(request, body));
    return { known, body, fields, textBytes: body.length + request.url.length };
  }

  async function receive(request: Request): Promise<Response> {
    const { known, body, fields, textBytes } = await opened(request);
    const principal = known ?? await intake.writer(request, fields.app_key);
    const translated = await intake.taken(
      principal,
      body,
      () => translate(fields, principal, new EventIds(), intake.now()),
    );
    // Consent and the like alone say nothing that is an event.
    if (translated.length > 0) await intake.accept(principal, translated, textBytes);
    return success();
  }

  /** Requests of a server, for many devices; each may name the key, and all must have the same. */
  async function bulk(request: Request): Promise<Response> {
    const { known, body, fields, textBytes } = await opened(request);
    const read = () => eventList(jsonParameter(fields.requests), "requests").map(fieldsOf);
    const requests = await intake.taken(known, body, read);
    const appKey = requests.find((one) => one.app_key !== undefined)?.app_key;
    const principal = known ?? await intake.writer(request, fields.app_key ?? appKey);
    const ids = new EventIds();
    const translated: Translated[] = [];
    for (const one of requests) {
      if (own(one, "app_key") !== undefined && one.app_key !== appKey) continue;
      const now = intake.now();
      const read = () => translate(one, principal, ids, now);
      translated.push(...await intake.taken(principal, body, read));
      // Counted on the way: a megabyte of the smallest events would be hundreds of thousands.
      assertEventCount(translated.length);
    }
    if (translated.length > 0) await intake.accept(principal, translated, textBytes);
    return success();
  }

  const remoteConfig: Handler = async (request) => {
    await intake.writer(request, new URL(request.url).searchParams.get("app_key"));
    return jsonAnswer(200, {});
  };

  const both = ["GET", "POST"];
  return {
    routes: [
      ...protocolRoutes(["/i/bulk"], both, bulk),
      ...protocolRoutes(["/o/sdk"], both, remoteConfig),
    ],
    receive,
  };
}
