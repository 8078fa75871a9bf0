/**
 * Snowplow's tracker protocol, version 2.
 *
 * `POST /com.snowplowanalytics.snowplow/tp2` with `{"schema":…,"data":[…]}`, `GET /i` with one event
 * in the query (a pixel). The protocol has no key: it is taken from the headers, or the tracker's
 * app id is one (`appId: KEY` or `KEY@game`). Beside a key in the headers the app id names the game.
 * Collectors accept everything and validate later, so refused events lie in the dead letters and the
 * answer is 200.
 *
 * | Snowplow | native |
 * |---|---|
 * | `eid` | `event_id` |
 * | `uid`, else `duid`, `tnuid`, `nuid`, else the user of a `client_session` context (mobile trackers) | `user_id`; one of the others beside a `uid`: `context.anonymous_id` |
 * | `sid`, else the session of a `client_session` context | `session_id` |
 * | `ttm`; else `dtm`, corrected by `stm` | `timestamp` |
 * | `se` | the type of its action; `category`, `label`, `property`, `value`, and by type: level from the label, score from the value; price from the value, currency from the property; resource amount, currency, item from value, label, property |
 * | `ue` (`ue_pr`, `ue_px`) | the type of its schema's name, its data as properties (in snake_case) |
 * | `ue` `ad_impression`, `ad_click` | `ad.impression`, `ad.click`: zone as `placement`, advertiser as `network` |
 * | `ue` `application_error` | `error` |
 * | `se` or `ue` named `identify`, with a `uid` | `identify`: the anonymous id beside the `uid` as `anonymous_id` unless its data has one; it links |
 * | `se` or `ue` named `alias` | `alias`: `previous_id` of its data (`ue`), or the label (`se`); it links |
 * | `tr` | `purchase`: total × 10^digits, currency, order as `transaction` |
 * | `ti`, `pv`, `pp` | `transaction_item`, `page`, `page_ping` |
 * | `co`, `cx`, platform, tracker, language … | `context` |
 *
 * The trackers have no call that says who an anonymous user was: both ids stand on each event after a
 * login, and no event is invented from that. So a studio tracks one named `identify`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Rejection } from "../../../schema/rejection.ts";
import type { Principal } from "../../auth.ts";
import { Problem } from "../../problem.ts";
import type { Handler, Route } from "../../router.ts";
import {
  complete,
  type Draft,
  eventFields,
  EventIds,
  type Fields,
  fieldsOf,
  firstOf,
  idOf,
  numberOf,
  own,
  present,
  shortText,
  timestampOf,
} from "./draft.ts";
import { nativeEvent, type NativeParts } from "./native_events.ts";
import {
  eventList,
  gameOf,
  headerKey,
  Intake,
  jsonAnswer,
  jsonOf,
  mayWriteGame,
  parseJson,
  type ProtocolDeps,
  protocolRoutes,
} from "./protocol.ts";

/** A self-describing JSON of plain or base64url text. */
function selfDescribing(plain: unknown, encoded: unknown, path: string): Fields | Rejection {
  const text = typeof plain === "string"
    ? plain
    : typeof encoded === "string"
    ? Buffer.from(encoded, "base64url").toString("utf8")
    : undefined;
  if (text === undefined) {
    return new Rejection("missing_field", path, "self-describing JSON", plain);
  }
  try {
    return fieldsOf(parseJson(text));
  } catch (problem) {
    const isDeep = problem instanceof Problem && problem.code === "too_deep";
    return new Rejection(isDeep ? "too_deep" : "invalid_json", path, "self-describing JSON", text);
  }
}

/** `purchase` of `iglu:com.acme/purchase/jsonschema/1-0-0`. */
const schemaName = (schema: unknown): string =>
  typeof schema === "string" ? schema.slice(0, 512).split("/")[1] ?? "" : "";

const snakeCase = (key: string) => key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();

function structured(event: Fields): NativeParts {
  const { se_ca: category, se_ac: action, se_la: label, se_pr: property } = event;
  const value = numberOf(event.se_va);
  const plain = present({ category, label, property, value });
  const { event_type } = nativeEvent(action, {});
  if (typeof event_type !== "string") return { event_type, properties: plain };
  if (event_type.startsWith("level.")) {
    return nativeEvent(action, { ...plain, ...present({ level: label, score: value }) });
  }
  if (event_type === "purchase") {
    return nativeEvent(action, { ...plain, ...present({ currency: property, item: label }) });
  }
  if (event_type.startsWith("resource.")) {
    return nativeEvent(action, { ...plain, ...present({ currency: label, item: property }) });
  }
  if (event_type === "alias") {
    return nativeEvent(action, { ...plain, ...present({ previous_id: label }) });
  }
  return nativeEvent(action, plain);
}

function unstructured(event: Fields): NativeParts | Rejection {
  const outer = selfDescribing(event.ue_pr, event.ue_px, "ue_pr");
  if (outer instanceof Rejection) return outer;
  const inner = fieldsOf(outer.data);
  const name = schemaName(inner.schema);
  if (name === "") {
    return new Rejection("missing_field", "ue_pr.data.schema", "an Iglu schema", inner.schema);
  }
  const data = Object.fromEntries(
    Object.entries(fieldsOf(inner.data)).map(([key, value]) => [snakeCase(key), value]),
  );
  if (name === "ad_impression" || name === "ad_click") {
    const { zone_id: placement, advertiser_id: network } = data;
    return nativeEvent(name, { ...data, ...present({ placement, network }) });
  }
  return nativeEvent(name === "application_error" ? "error" : name, data);
}

function nativeParts(event: Fields): NativeParts | Rejection {
  switch (event.e) {
    case "se":
      return structured(event);
    case "ue":
      return unstructured(event);
    case "pv":
    case "pp": {
      const { url, page: title, refr: referrer } = event;
      const event_type = event.e === "pv" ? "page" : "page_ping";
      return { event_type, properties: present({ url, title, referrer }) };
    }
    case "tr": {
      const { tr_tt: total, tr_cu: currency, tr_id: transaction } = event;
      return nativeEvent("purchase", present({ total, currency, transaction }));
    }
    case "ti": {
      const { ti_id: transaction, ti_sk: item, ti_nm: name, ti_pr: price, ti_qu: quantity } = event;
      return {
        event_type: "transaction_item",
        properties: present({ transaction, item, name, price, quantity, currency: event.ti_cu }),
      };
    }
  }
  const code = event.e === undefined ? "missing_field" : "invalid_field";
  return new Rejection(code, "e", "se, ue, pv, pp, tr or ti", event.e);
}

interface Batch {
  readonly principal: Principal;
  readonly ids: EventIds;
  /** The app id is the key, which must not be kept. */
  readonly isKeyed: boolean;
  readonly now: number;
}

/** Who the user is as far as his device knows, whether he has logged in or not. */
function anonymousOf(event: Fields, session: Fields): unknown {
  return idOf(firstOf(event, "duid", "tnuid", "nuid")) ?? idOf(own(session, "userId"));
}

/** An event named `identify` says by its two ids whom the anonymous one belongs to. */
function linked({ event_type, properties }: NativeParts, user: unknown, anonymous: unknown) {
  const isLink = event_type === "identify" && user !== undefined && anonymous !== undefined;
  return {
    event_type,
    properties: isLink ? { anonymous_id: anonymous, ...properties } : properties,
  };
}

/** The contexts of an event; what cannot be read is left out, the event itself is worth more. */
function contextsOf(event: Fields): readonly unknown[] {
  if (event.co === undefined && event.cx === undefined) return [];
  const read = selfDescribing(event.co, event.cx, "co");
  const list = read instanceof Rejection ? [] : read.data;
  return Array.isArray(list) ? list : [];
}

function draftOf(source: unknown, batch: Batch): Draft | Rejection {
  const event = eventFields(source);
  if (event instanceof Rejection) return event;
  const parts = nativeParts(event);
  if (parts instanceof Rejection) return parts;
  const contexts = contextsOf(event);
  const session = contexts.find((one) => schemaName(fieldsOf(one).schema) === "client_session");
  const sessionData = fieldsOf(fieldsOf(session).data);
  const user = idOf(own(event, "uid"));
  const anonymous = anonymousOf(event, sessionData);
  const { p: platform, tv: tracker, tna: namespace, lang: language, tz, res: screen } = event;
  const app = batch.isKeyed ? undefined : shortText(event.aid);
  const { stm: sentAt, ...repeated } = event;
  return complete({
    ...linked(parts, user, anonymous),
    event_id: batch.ids.of(event.eid, repeated),
    user_id: user ?? anonymous,
    game_id: gameOf(
      batch.principal,
      app !== undefined && mayWriteGame(batch.principal, app) ? app : undefined,
    ),
    session_id: idOf(event.sid) ?? idOf(own(sessionData, "sessionId")),
    timestamp: event.ttm === undefined
      ? timestampOf(event.dtm, sentAt, batch.now)
      : timestampOf(event.ttm, undefined, batch.now),
    context: {
      ...present({ platform, tracker, namespace, language, tz, screen, app_id: app }),
      ...(user === undefined ? {} : present({ anonymous_id: shortText(anonymous) })),
      ...(contexts.length === 0 ? {} : { contexts }),
    },
  });
}

/** A transparent GIF of one pixel. */
const pixel = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

/** The collector's endpoints; `pixel` is that of `GET /i`, a path it shares. */
export function snowplowRoutes(deps: ProtocolDeps): { routes: Route[]; pixel: Handler } {
  const intake = new Intake("snowplow", deps);

  async function take(
    request: Request,
    principal: Principal,
    sources: readonly unknown[],
    textBytes: number,
  ): Promise<void> {
    const isKeyed = headerKey(request.headers) === undefined;
    const batch = { principal, ids: new EventIds(), isKeyed, now: intake.now() };
    const translated = sources.map((source) => ({ source, draft: draftOf(source, batch) }));
    await intake.accept(principal, translated, textBytes);
  }

  async function collect(request: Request): Promise<Response> {
    const inHeader = headerKey(request.headers);
    const known = inHeader === undefined ? undefined : await intake.writer(request, inHeader);
    const bytes = await intake.body(request);
    const read = () => eventList(fieldsOf(jsonOf(bytes)).data, "data");
    const sources = await intake.taken(known, bytes, read);
    const principal = known ?? await intake.writer(request, fieldsOf(sources[0]).aid);
    await take(request, principal, sources, bytes.length);
    return jsonAnswer(200, { accepted: true });
  }

  async function collectPixel(request: Request): Promise<Response> {
    const event = Object.fromEntries(new URL(request.url).searchParams);
    const principal = await intake.writer(request, headerKey(request.headers), event.aid);
    await take(request, principal, [event], request.url.length);
    const headers = { "content-type": "image/gif", "cache-control": "no-store" };
    return new Response(pixel, { headers });
  }

  return {
    routes: protocolRoutes(["/com.snowplowanalytics.snowplow/tp2"], ["POST"], collect),
    pixel: collectPixel,
  };
}
