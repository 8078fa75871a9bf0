/**
 * From the bytes of a native request to its events, still unvalidated.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { Rejection } from "../../schema/rejection.ts";
import { badRequest, Problem, tooLarge } from "../problem.ts";
import { isDeeperThan } from "./json_depth.ts";

/** A line of NDJSON that is not JSON: its events' batch goes on without it. */
export class BrokenLine {
  constructor(readonly text: string, readonly rejection: Rejection) {}
}

// `fatal`, since a lenient decoder would repair invalid UTF-8 into other text and say nothing.
const decoder = new TextDecoder("utf-8", { fatal: true });
const ndjsonTypes = /^\s*application\/(x-ndjson|ndjson|jsonl|x-jsonlines|jsonlines)\s*(;|$)/i;

/**
 * The events of a body: one object, an array, `{"events":[…]}`, or NDJSON. NDJSON is known by its
 * Content-Type, and without one by a first line that is a JSON object of its own.
 *
 * @returns one entry an event: what `JSON.parse` gave, or a {@link BrokenLine}
 * @throws {Problem} 400 when it is none of these, 413 when there are too many events
 */
export function decodeEvents(body: Uint8Array, contentType: string | null): unknown[] {
  const text = decodeUtf8(body);
  const items = contentType !== null && ndjsonTypes.test(contentType)
    ? parseLines(text)
    : eventsOf(parseWhole(text));
  if (items.length > limits.requestEventsMax) {
    throw tooLarge(`A request may have ${limits.requestEventsMax} events: got ${items.length}`);
  }
  if (items.length === 0) throw badRequest("empty_batch", "The body holds no event");
  return items;
}

/**
 * Refuses text that a parser should not see at all.
 *
 * @throws {Problem} 400 `too_deep`
 */
export function assertParsable(json: string): void {
  if (!isTooDeep(json)) return;
  throw badRequest("too_deep", `The body nests deeper than ${limits.requestJsonDepthMax} levels`);
}

/** Each level needs a character, so short text cannot be too deep. */
const isTooDeep = (json: string): boolean =>
  json.length > limits.requestJsonDepthMax && isDeeperThan(json, limits.requestJsonDepthMax);

/** @throws {Problem} 400 `invalid_json` when the bytes are not UTF-8 */
export function decodeUtf8(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch {
    throw badRequest("invalid_json", "The body is not valid UTF-8");
  }
}

/** The parsed body; lines of NDJSON as an array. */
function parseWhole(text: string): unknown {
  assertParsable(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (startsWithObjectLine(text)) return parseLines(text);
    throw notJson(error);
  }
}

function startsWithObjectLine(text: string): boolean {
  const end = text.indexOf("\n");
  if (end < 0) return false;
  try {
    const first = JSON.parse(text.slice(0, end));
    return typeof first === "object" && first !== null && !Array.isArray(first);
  } catch {
    return false;
  }
}

/** The refusal of what `JSON.parse` threw: V8 quotes the text, which may be cut through a surrogate pair. */
export function notJson(error: unknown): Problem {
  const why = (error as Error).message.slice(0, 120).toWellFormed();
  return badRequest("invalid_json", `The body is not JSON: ${why}`);
}

function parseLines(text: string): unknown[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length > limits.requestEventsMax) {
    throw tooLarge(`A request may have ${limits.requestEventsMax} events: got ${lines.length}`);
  }
  return lines.map(parseLine);
}

/** A line is judged by itself: an open string or bracket of another hides nothing, and adds nothing. */
function parseLine(line: string): unknown {
  const broken = (code: "invalid_json" | "too_deep", expected: string) =>
    new BrokenLine(line, new Rejection(code, "", expected, line));
  if (isTooDeep(line)) {
    return broken("too_deep", `at most ${limits.requestJsonDepthMax} levels deep`);
  }
  try {
    return JSON.parse(line);
  } catch {
    return broken("invalid_json", "JSON");
  }
}

function eventsOf(parsed: unknown): unknown[] {
  if (Array.isArray(parsed)) return parsed;
  if (typeof parsed !== "object" || parsed === null) return [parsed];
  const isWrapper = Object.hasOwn(parsed, "events") && !Object.hasOwn(parsed, "event_type");
  if (!isWrapper) return [parsed];
  const { events } = parsed as { events: unknown };
  if (Array.isArray(events)) return events;
  throw new Problem(400, "invalid_field", "events must be an array of events");
}
