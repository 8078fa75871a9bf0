/**
 * Valid request bodies, damaged at random.
 *
 * @module
 */
import { Random } from "../../load/generator/random.ts";

const encoder = new TextEncoder();

/** Pieces that parsers and validators stumble over, spliced in at random places. */
const splices = [
  "\0",
  '"',
  "\\",
  "\\u0000",
  "\\ud800",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\n",
  "\ufeff",
  "1e999",
  "9007199254740993",
  "-",
  "null",
  '"__proto__":{"x":1},',
  '"constructor":null,',
  "[".repeat(2000),
  '{"a":'.repeat(500),
  "9".repeat(500),
  "\u{1f3ae}",
].map((text) => encoder.encode(text));

/** A valid event, so that a mutant may stay valid. */
function validEvent(random: Random): Record<string, unknown> {
  return {
    event_id: `m-${random.u32()}-${random.u32()}`,
    event_type: ["level.complete", "purchase", "custom.thing"][random.below(3)],
    user_id: `u-${random.below(50)}`,
    game_id: "drill-json",
    session_id: `s-${random.below(50)}`,
    properties: {
      level: random.below(99),
      amount: random.below(999),
      currency: "EUR",
      note: "ünï",
    },
    context: { platform: "ios", nested: { list: [1, 2.5, -3e-7, true, null, "x"] } },
  };
}

/** A body as clients send it: one event, an array, a wrapper or NDJSON. */
function validBody(random: Random): string {
  const events = Array.from({ length: 1 + random.below(3) }, () => validEvent(random));
  switch (random.below(4)) {
    case 0:
      return JSON.stringify(events);
    case 1:
      return JSON.stringify({ events });
    case 2:
      return events.map((event) => JSON.stringify(event)).join("\n");
    default:
      return JSON.stringify(events[0]);
  }
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}

/** Damages `bytes` once: a bit, a byte, a stretch cut out or doubled, a piece put in. */
function damage(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const stretch = Math.min(bytes.length - at, 1 + random.below(20));
  switch (random.below(6)) {
    case 0:
      return splice(bytes, at, 1, Uint8Array.of(bytes[at]! ^ (1 << random.below(8))));
    case 1:
      return splice(bytes, at, 1, Uint8Array.of(random.below(256)));
    case 2:
      return splice(bytes, at, stretch, new Uint8Array(0));
    case 3:
      return splice(bytes, at, 0, bytes.slice(at, at + stretch));
    case 4:
      return bytes.slice(0, at);
    default:
      return splice(bytes, at, 0, splices[random.below(splices.length)]!);
  }
}

/** The next mutant of a seeded sequence; one to four damages, none in one of sixteen. */
export function mutant(random: Random): Uint8Array {
  let bytes: Uint8Array = encoder.encode(validBody(random));
  const damages = random.below(16) === 0 ? 0 : 1 + random.below(4);
  for (let i = 0; i < damages && bytes.length > 0; i++) bytes = damage(bytes, random);
  return bytes;
}

/**
 * Whether a body can hold an event at all, by a rule as short as it can be: all of it, or one of its
 * lines, is UTF-8 and JSON.
 */
export function mayHoldEvent(body: Uint8Array): boolean {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return false;
  }
  return [text, ...text.split("\n")].some((part) => {
    try {
      return typeof JSON.parse(part) === "object";
    } catch {
      return false;
    }
  });
}
