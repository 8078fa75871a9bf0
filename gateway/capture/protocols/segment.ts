/**
 * Segment's HTTP tracking API, which RudderStack and Jitsu speak too.
 *
 * `POST /v1/{track,identify,page,screen,group,alias,batch}` (also `/v1/b`, `/v1/t` … of browsers);
 * the write key as the user of Basic auth, as bearer token, or as `writeKey` of the body. 200
 * `{"success":true}`; 429 and 5xx are retried by the SDKs with the same `messageId`, 400 is not.
 *
 * | Segment | native |
 * |---|---|
 * | `messageId` | `event_id` |
 * | `userId`, else `anonymousId` | `user_id`: what comes before a login is the anonymous player's; the anonymous id beside a user id: `context.anonymous_id` |
 * | `context.game_id`, else `properties.game_id`, else the key's game | `game_id` |
 * | `context.sessionId` | `session_id` |
 * | `timestamp` or `originalTimestamp`, corrected by `sentAt` | `timestamp` |
 * | `track` | the type of its `event` (`native_events.ts`), `properties` |
 * | `identify` | `identify`: `traits`; with `userId` **and** `anonymousId` also `anonymous_id`, which links: the anonymous player is `userId` from then on |
 * | `alias` | `alias`: `previous_id`, which links: the player of `previousId` is `userId` from then on |
 * | `page`, `screen` | `page`, `screen`: `properties` with `name`, `category` |
 * | `group` | `group`: `group_id`, `traits` |
 * | `context` | `context` |
 *
 * Content types are not looked at: browsers' beacons send `text/plain`, RudderStack gzipped JSON as
 * a form.
 *
 * @module
 */
import { Rejection } from "../../../schema/rejection.ts";
import type { Principal } from "../../auth.ts";
import type { Route } from "../../router.ts";
import {
  complete,
  type Draft,
  eventFields,
  EventIds,
  type Fields,
  fieldsOf,
  firstOf,
  idOf,
  own,
  present,
  shortText,
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

/** Calls, with the short paths of browsers' SDKs. */
const calls: Readonly<Record<string, readonly string[]>> = {
  track: ["/v1/track", "/v1/t"],
  identify: ["/v1/identify", "/v1/i"],
  page: ["/v1/page", "/v1/p"],
  screen: ["/v1/screen", "/v1/s"],
  group: ["/v1/group", "/v1/g"],
  alias: ["/v1/alias", "/v1/a"],
};

/** What a request says about all of its events. */
interface Batch {
  readonly principal: Principal;
  readonly ids: EventIds;
  readonly sentAt: unknown;
  readonly now: number;
}

/** @param user the event's user id; without one there is nobody to link the anonymous id to */
function partsOf(type: unknown, event: Fields, user: unknown): NativeParts | Rejection {
  const properties = fieldsOf(event.properties);
  const traits = fieldsOf(own(event, "traits") ?? fieldsOf(event.context).traits);
  switch (type) {
    case "track":
      return nativeEvent(event.event, properties);
    case "identify": {
      const anonymous_id = user === undefined ? undefined : idOf(event.anonymousId);
      return { event_type: "identify", properties: present({ anonymous_id, traits }) };
    }
    case "alias":
      return {
        event_type: "alias",
        properties: present({ previous_id: idOf(event.previousId) }),
      };
    case "page":
    case "screen": {
      const { name, category } = event;
      return { event_type: type, properties: { ...properties, ...present({ name, category }) } };
    }
    case "group":
      return { event_type: "group", properties: present({ group_id: event.groupId, traits }) };
  }
  const expected = "track, identify, page, screen, group or alias";
  return new Rejection(
    type === undefined ? "missing_field" : "invalid_field",
    "type",
    expected,
    type,
  );
}

function draftOf(source: unknown, batch: Batch, call?: string): Draft | Rejection {
  const event = eventFields(source);
  if (event instanceof Rejection) return event;
  const user = idOf(event.userId);
  const parts = partsOf(call ?? event.type, event, user);
  if (parts instanceof Rejection) return parts;
  const given = fieldsOf(event.context);
  const anonymous = shortText(event.anonymousId);
  // What differs between a send and its retry takes no part in an id.
  const { sentAt: _sentAt, _metadata, ...repeated } = event;
  const draft: Draft = {
    ...parts,
    event_id: batch.ids.of(event.messageId, repeated),
    user_id: user ?? idOf(event.anonymousId),
    game_id: gameOf(
      batch.principal,
      firstOf(given, "game_id") ?? firstOf(fieldsOf(event.properties), "game_id"),
    ),
    session_id: idOf(own(given, "sessionId")),
    timestamp: timestampOf(
      event.timestamp ?? event.originalTimestamp,
      event.sentAt ?? batch.sentAt,
      batch.now,
    ),
    context: user === undefined || anonymous === undefined
      ? given
      : { ...given, anonymous_id: anonymous },
  };
  return complete(draft);
}

export function segmentRoutes(deps: ProtocolDeps): Route[] {
  const intake = new Intake("segment", deps);

  async function receive(request: Request, call: string | undefined): Promise<Response> {
    const inHeader = headerKey(request.headers);
    const known = inHeader === undefined ? undefined : await intake.writer(request, inHeader);
    const bytes = await intake.body(request);
    const body = await intake.taken(known, bytes, () => fieldsOf(jsonOf(bytes)));
    const principal = known ?? await intake.writer(request, body.writeKey);
    const events = await intake.taken(
      principal,
      bytes,
      () => call === undefined ? eventList(body.batch, "batch") : [body],
    );
    const batch = { principal, ids: new EventIds(), sentAt: body.sentAt, now: intake.now() };
    const translated = events.map((source) => ({ source, draft: draftOf(source, batch, call) }));
    assertSomeAccepted(await intake.accept(principal, translated, bytes.length));
    return jsonAnswer(200, { success: true });
  }

  const post = ["POST"];
  return [
    ...Object.entries(calls).flatMap(([call, paths]) =>
      protocolRoutes(paths, post, (request) => receive(request, call))
    ),
    ...protocolRoutes(
      ["/v1/batch", "/v1/b", "/v1/import"],
      post,
      (request) => receive(request, undefined),
    ),
  ];
}
