/**
 * GameAnalytics' events (version 2 of its collector API) as native ones.
 *
 * | GameAnalytics | native |
 * |---|---|
 * | `event_uuid`, else a hash of the event | `event_id` |
 * | `user_id`, `session_id` | the same. An event names one user, the configured or a generated one, and no other beside it: nothing links them. Who configures a user id later links the generated one by a native `alias` |
 * | `client_ts` (seconds; the clients correct it by the `server_ts` of init) | `timestamp` |
 * | `user` | `session.start` |
 * | `session_end`, `length` | `session.end`, `length_s` |
 * | `business`, `event_id` type:item, `amount` (minor units), `currency`, `cart_type`, `transaction_num` | `purchase`: `amount`, `currency`, `item_type`, `item`, `cart`, `transaction` |
 * | `resource`, `event_id` Source\|Sink:currency:type:item, `amount` | `resource.source`, `resource.sink`: `currency`, `item_type`, `item`, `amount` without its sign |
 * | `progression`, `event_id` Start\|Complete\|Fail:p1[:p2[:p3]], `score`, `attempt_num` | `level.start`, `.complete`, `.fail`: `progression`, `level` (the number in the last part that has one), `score`, `attempt` |
 * | `design`, `event_id` 1 to 5 parts, `value` | custom type of the parts: `value` |
 * | `error`, `severity`, `message` | `error`: the same |
 * | `ads`, `ad_action` show, reward_received, clicked | `ad.impression`, `ad.reward`, `ad.click`; others `ad.{action}`: `network`, `placement`, `ad_type`, … |
 * | `sdk_error` | nobody's: refused for want of a `user_id` and kept as a dead letter |
 * | `custom_fields`, `custom_01` … `03`, `value` | properties of these names |
 * | `platform`, `device`, `manufacturer`, `os_version`, `sdk_version`, `engine_version`, `build`, `connection_type`, `session_num`, `country_code`, `ab_id`, `ab_variant_id` | `context`; `build` as `app_version` |
 *
 * @module
 */
import { Rejection } from "../../../schema/rejection.ts";
import {
  complete,
  type Draft,
  eventFields,
  type EventIds,
  type Fields,
  fieldsOf,
  idOf,
  numberOf,
  own,
  present,
  timestampOf,
} from "./draft.ts";
import { nativeEvent, type NativeParts, trailingNumber } from "./native_events.ts";

const partsOf = (event: Fields): string[] =>
  typeof event.event_id === "string" ? event.event_id.split(":", 8) : [];

function business(event: Fields): NativeParts {
  const [item_type, item] = partsOf(event);
  const { amount, currency, cart_type: cart, transaction_num: transaction } = event;
  return {
    event_type: "purchase",
    properties: { amount, currency, item_type, item, cart, transaction },
  };
}

function resource(event: Fields): NativeParts | Rejection {
  const [flow, currency, item_type, item] = partsOf(event);
  if (flow !== "Source" && flow !== "Sink") return wrongFirst("Source or Sink", event);
  const amount = numberOf(event.amount);
  return {
    event_type: flow === "Source" ? "resource.source" : "resource.sink",
    properties: {
      currency,
      item_type,
      item,
      amount: amount === undefined ? null : Math.abs(amount),
    },
  };
}

const progress: ReadonlyMap<unknown, string> = new Map([
  ["Start", "level.start"],
  ["Complete", "level.complete"],
  ["Fail", "level.fail"],
]);

function progression(event: Fields): NativeParts | Rejection {
  const [status, ...path] = partsOf(event);
  const event_type = progress.get(status);
  if (event_type === undefined) return wrongFirst("Start, Complete or Fail", event);
  const level = path.map(trailingNumber).findLast((number) => number !== undefined);
  const { score, attempt_num: attempt } = event;
  return { event_type, properties: { progression: path.join(":"), level, score, attempt } };
}

const wrongFirst = (expected: string, { event_id }: Fields): Rejection =>
  new Rejection(
    event_id === undefined ? "missing_field" : "invalid_field",
    "event_id",
    `parts divided by colons, of which the first is ${expected}`,
    event_id,
  );

const adTypes: ReadonlyMap<unknown, string> = new Map([
  ["show", "ad.impression"],
  ["clicked", "ad.click"],
  ["reward_received", "ad.reward"],
  ["failed_show", "ad.failed_show"],
  ["request", "ad.request"],
  ["loaded", "ad.loaded"],
]);

function advert(event: Fields): NativeParts | Rejection {
  const event_type = adTypes.get(event.ad_action);
  if (event_type === undefined) {
    return new Rejection("invalid_field", "ad_action", "a known action", event.ad_action);
  }
  const { ad_sdk_name: network, ad_placement: placement, ad_type, ad_first } = event;
  const { ad_fail_show_reason: reason, ad_duration: duration_ms } = event;
  return { event_type, properties: { network, placement, ad_type, ad_first, reason, duration_ms } };
}

function design(event: Fields): NativeParts {
  const { event_type, properties } = nativeEvent(event.event_id, { value: event.value });
  return { event_type, properties };
}

function nativeParts(event: Fields): NativeParts | Rejection {
  switch (event.category) {
    case "user":
      return { event_type: "session.start", properties: {} };
    case "session_end":
      return { event_type: "session.end", properties: { length_s: event.length } };
    case "business":
      return business(event);
    case "resource":
      return resource(event);
    case "progression":
      return progression(event);
    case "design":
      return design(event);
    case "ads":
      return advert(event);
    case "error": {
      const { severity, message } = event;
      return { event_type: "error", properties: { severity, message } };
    }
    case "sdk_error":
      return { event_type: "error", properties: { message: event.reason } };
  }
  const code = event.category === undefined ? "missing_field" : "invalid_field";
  return new Rejection(code, "category", "a category of GameAnalytics", event.category);
}

/** @param now arrival, milliseconds; @param gameId the game of the key that signed */
export function gameAnalyticsDraft(
  source: unknown,
  ids: EventIds,
  gameId: string | undefined,
  now: number,
): Draft | Rejection {
  const event = eventFields(source);
  if (event instanceof Rejection) return event;
  const parts = nativeParts(event);
  if (parts instanceof Rejection) return parts;
  const { platform, device, manufacturer, os_version, sdk_version, engine_version, build } = event;
  const { connection_type, session_num, country_code, ab_id, ab_variant_id } = event;
  const { custom_01, custom_02, custom_03 } = event;
  return complete({
    event_id: ids.of(event.event_uuid, event),
    event_type: parts.event_type,
    user_id: idOf(own(event, "user_id")),
    game_id: gameId,
    session_id: idOf(event.session_id),
    timestamp: timestampOf(event.client_ts, undefined, now),
    properties: {
      ...fieldsOf(event.custom_fields),
      ...present({ custom_01, custom_02, custom_03 }),
      ...present(parts.properties),
    },
    context: present({
      platform,
      device,
      manufacturer,
      os_version,
      sdk_version,
      engine_version,
      app_version: build,
      connection_type,
      session_num,
      country: country_code,
      ab_id,
      ab_variant_id,
    }),
  });
}
