/**
 * The journal rows of a commit as one text of columns. PostgreSQL takes apart a dozen long arrays in
 * half the time that as many objects cost it, which build a hash table each; and the fields are cut
 * from each event's own text, which nobody parses or writes again.
 *
 * @module
 */
import { InvariantBroken } from "../../../schema/errors.ts";
import { closingQuote } from "../../../schema/json_text.ts";
import type { JournalRow } from "../store.ts";

/** Between columns, and between the texts of one: no id and no JSON text holds them. */
const columnSeparator = "\x1e";
const textSeparator = "\x1f";

/** Fields of an event that are columns; the order is that of `commit_batch()`. */
const fields = [
  "studio",
  "user_id",
  "game_id",
  "event_id",
  "event_type",
  "session_id",
  "timestamp",
  "properties",
  "context",
] as const;
const fieldAt: ReadonlyMap<string, number> = new Map(fields.map((name, index) => [name, index]));
/** The first are ids. */
const idFields = 6;
const optional = fieldAt.get("session_id")!;
const timestamp = fieldAt.get("timestamp")!;
const objects = [fieldAt.get("properties")!, fieldAt.get("context")!];

/**
 * Offset, arrival (milliseconds) and player key of each row, then the fields: numbers as array literals
 * of PostgreSQL, all else as joined texts. That of a session that an event has not is empty.
 *
 * @returns `null` for no rows
 * @throws {InvariantBroken} a value is not the text of an object, an id of it is none, or its
 *   properties or context are none
 */
export function encodeRows(rows: readonly JournalRow[]): string | null {
  if (rows.length === 0) return null;
  const columns = fields.map(() => new Array<string>(rows.length));
  const found: string[] = fields.map(() => "");
  for (let row = 0; row < rows.length; row++) {
    const { offset, value } = rows[row]!;
    fieldsOf(value, found, offset);
    for (let i = 0; i < columns.length; i++) columns[i]![row] = found[i]!;
  }
  return [
    numbers(rows.map(({ offset }) => offset)),
    numbers(rows.map(({ receivedAt }) => receivedAt)),
    numbers(rows.map(({ actorKey }) => actorKey)),
    ...columns.map((column, i) => i === timestamp ? numbers(column) : column.join(textSeparator)),
  ].join(columnSeparator);
}

/** An array literal of PostgreSQL. */
function numbers(column: readonly (number | string)[]): string {
  return `{${column.join()}}`;
}

/** Puts the text of each of the event's fields into `found`: ids as they are, all else as JSON. */
function fieldsOf(value: string, found: string[], offset: number): void {
  found.fill("");
  found[optional] = "null";
  try {
    cut(value, found);
  } catch (error) {
    throw new InvariantBroken(
      `Journal row ${offset} is not an object: ${value.slice(0, 100)}`,
      { cause: error },
    );
  }
  // Others may write names with escapes.
  if (found.includes("")) {
    const event = JSON.parse(value) as Record<string, unknown>;
    fields.forEach((name, i) => found[i] = JSON.stringify(event[name] ?? null));
  }
  for (let i = 0; i < idFields; i++) {
    const id = idIn(found[i]!, i === optional);
    if (id === undefined) throw unreadable(offset, i, found[i]!);
    found[i] = id;
  }
  for (const i of objects) {
    // PostgreSQL would keep both, and fail whoever reads them.
    if (!found[i]!.startsWith("{") || hasNul(found[i]!)) throw unreadable(offset, i, found[i]!);
  }
}

/** The text of an id from its JSON; `undefined` for what is none. */
function idIn(json: string, isOptional: boolean): string | undefined {
  // Empty is none here, and so nobody's id.
  if (isOptional && json === '""') return undefined;
  if (json.charCodeAt(0) !== quote) return isOptional && json === "null" ? "" : undefined;
  if (!json.includes("\\")) return json.slice(1, -1);
  const id = JSON.parse(json) as string;
  // deno-lint-ignore no-control-regex -- they would end the text, or the column
  return /[\0\x1e\x1f]/.test(id) ? undefined : id;
}

function unreadable(offset: number, field: number, json: string): InvariantBroken {
  return new InvariantBroken(
    `Journal row ${offset} has ${fields[field]} that SQL cannot read: ${json.slice(0, 100)}`,
  );
}

/** True for an escaped U+0000, which no text of PostgreSQL can hold. */
function hasNul(json: string): boolean {
  return json.includes("\\u0000") && /(?<!\\)(?:\\\\)*\\u0000/.test(json);
}

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Cuts the fields of an object's text; that it is JSON was found when its event was applied. */
function cut(text: string, found: string[]): void {
  if (text.charCodeAt(0) !== openBrace) throw new SyntaxError("No object");
  let at = pastSpace(text, 1);
  while (text.charCodeAt(at) !== closeBrace) {
    const nameEnd = endOfString(text, at);
    const field = fieldAt.get(text.slice(at + 1, nameEnd - 1));
    // Past the colon.
    const start = pastSpace(text, pastSpace(text, nameEnd) + 1);
    const end = endOfValue(text, start);
    if (field !== undefined) found[field] = text.slice(start, end);
    at = pastSpace(text, end);
    if (text.charCodeAt(at) === comma) at = pastSpace(text, at + 1);
  }
}

function pastSpace(text: string, at: number): number {
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** The end of the string whose opening quote is at `at`, beyond its closing one. */
function endOfString(text: string, at: number): number {
  const end = closingQuote(text, at);
  if (end === -1) throw new SyntaxError("No end of a string");
  return end + 1;
}

function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === quote) return endOfString(text, at);
  if (first !== openBrace && first !== openBracket) return endOfScalar(text, at);
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === quote) i = endOfString(text, i) - 1;
    else if (char === openBrace || char === openBracket) depth++;
    else if ((char === closeBrace || char === closeBracket) && --depth === 0) return i + 1;
  }
  throw new SyntaxError("No end of a value");
}

/** The end of a number or a literal. */
function endOfScalar(text: string, at: number): number {
  for (let end = at; end < text.length; end++) {
    const char = text.charCodeAt(end);
    if (char === comma || char === closeBrace || char <= 0x20) return end;
  }
  throw new SyntaxError("No end of a value");
}
