/**
 * Events that the platform must refuse, one way of being wrong for each rejection code.
 *
 * @module
 */
import { timestampText } from "./timestamp_text.ts";

const HOUR_MS = 3_600_000;

/** What a malformed event is built around: otherwise it is flawless. */
export interface Template {
  readonly eventId: string;
  readonly userId: string;
  readonly gameId: string;
  /** A time the platform would accept, milliseconds. */
  readonly timestamp: number;
  /** The time the run started, milliseconds. */
  readonly originMs: number;
  /** A game that the key may not write, for `game_forbidden`. */
  readonly forbiddenGame?: string | undefined;
}

/** What each code is refused for. */
const makers = {
  invalid_json: () => '{"event_type":"level.start","user_id":',
  not_an_object: () => "42",
  missing_field: (t) => event(t, `"game_id":"${t.gameId}"`),
  invalid_field: (t) => event(t, `"user_id":["${t.userId}"],"game_id":"${t.gameId}"`),
  invalid_timestamp: (t) => whole(t, '"yesterday at noon"'),
  timestamp_too_old: (t) => whole(t, `"${timestampText(t.originMs - (30 * 24 + 72) * HOUR_MS)}"`),
  timestamp_in_future: (t) => whole(t, `"${timestampText(t.originMs + 96 * HOUR_MS)}"`),
  reserved_type: (t) => whole(t, time(t), "{}", "$timer"),
  ill_formed_text: (t) => whole(t, time(t), '{"note":"\\u0000"}'),
  unsafe_number: (t) => whole(t, time(t), '{"score":1e999}'),
  too_deep: (t) => whole(t, time(t), `{"deep":${"[".repeat(40)}${"]".repeat(40)}}`),
  too_large: (t) => whole(t, time(t), `{"blob":"${"x".repeat(66_000)}"}`),
  too_many_properties: (t) => whole(t, time(t), manyProperties),
  game_forbidden: (t) => whole({ ...t, gameId: t.forbiddenGame ?? t.gameId }, time(t)),
} as const satisfies Record<string, (t: Template) => string>;

/** A rejection code of the capture interface. */
export type RejectionCode = keyof typeof makers;

/** All codes, in the contract's order. */
export const rejectionCodes: readonly RejectionCode[] = Object.keys(makers) as RejectionCode[];

const manyProperties = `{${Array.from({ length: 150 }, (_, i) => `"p${i}":${i}`).join(",")}}`;

/** Text of an event that must be refused with `code`. For `invalid_json` it is one line of NDJSON. */
export function malformedEvent(code: RejectionCode, template: Template): string {
  return makers[code](template);
}

function time(t: Template): string {
  return `"${timestampText(t.timestamp)}"`;
}

function whole(t: Template, timestamp: string, properties = "{}", type = "level.start"): string {
  return event(
    t,
    `"user_id":"${t.userId}","game_id":"${t.gameId}","timestamp":${timestamp},"properties":${properties}`,
    type,
  );
}

function event(t: Template, rest: string, type = "level.start"): string {
  return `{"event_id":"${t.eventId}","event_type":"${type}",${rest}}`;
}
