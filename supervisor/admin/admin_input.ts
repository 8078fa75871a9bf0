/**
 * Reading what an admin call sends. What is wrong is told by field, value seen, and what was
 * expected.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { InvalidInput } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { ActorKind } from "../platform.ts";
import type { StageName } from "../store/store.ts";
import { problem } from "./admin_problem.ts";

const shownCharsMax = 100;

export const actorKinds = ["player", "game"] as const satisfies ActorKind[];
export const stages = ["player", "game"] as const satisfies StageName[];

/** The kind that a path names; what is not there is no fault of a field, but 404. */
export function kindOf(c: Context): ActorKind | Response {
  const kind = c.req.param("kind")!;
  if (actorKinds.includes(kind as ActorKind)) return kind as ActorKind;
  return problem(
    404,
    "not_found",
    `Actors are of the kinds ${actorKinds.join(", ")}: got '${kind}'`,
  );
}

/** Refuses a larger body, unread, with 413. Every route that reads one has it. */
export function bodyAtMost(bytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: bytes,
    onError: () => problem(413, "too_large", `Send at most ${bytes} bytes`),
  });
}

/** Says what is wrong with a field. @param expected fit to follow "must be" */
export function wrong(field: string, seen: unknown, expected: string): InvalidInput {
  const text = seen === undefined ? "nothing" : JSON.stringify(seen).slice(0, shownCharsMax);
  return new InvalidInput("invalid_field", `${field} must be ${expected}: got ${text}`, field);
}

/** `value` if it is one of `among`. @throws {InvalidInput} */
export function oneOf<const T extends readonly string[]>(
  field: string,
  value: unknown,
  among: T,
): T[number] {
  if (typeof value === "string" && among.includes(value)) return value;
  throw wrong(field, value, `one of ${among.join(", ")}`);
}

/** A whole number of the query. @throws {InvalidInput} */
export function integerQuery(
  c: Context,
  field: string,
  initial: number,
  max: number = limits.adminPageSizeMax,
): number {
  const text = c.req.query(field);
  if (text === undefined) return initial;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= max) return value;
  throw wrong(field, text, `a whole number of 1 to ${max}`);
}

/** `true` or `false` in the query; false when it is not there. @throws {InvalidInput} */
export function flagQuery(c: Context, field: string): boolean {
  return oneOf(field, c.req.query(field) ?? "false", ["true", "false"]) === "true";
}

/** The JSON body; `undefined` for an empty one. @throws {InvalidInput} `invalid_json` */
export async function readJson(c: Context): Promise<unknown> {
  const bytes = await c.req.arrayBuffer();
  if (bytes.byteLength === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InvalidInput("invalid_json", "The body must be JSON in UTF-8");
  }
}

/** The JSON body as an object with known fields only; an empty body is an empty object. @throws {InvalidInput} */
export async function readFields(
  c: Context,
  known: readonly string[],
): Promise<Record<string, unknown>> {
  const body = await readJson(c) ?? {};
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw wrong("body", body, "a JSON object");
  }
  const unknown = Object.keys(body).find((field) => !known.includes(field));
  if (unknown === undefined) return body as Record<string, unknown>;
  const message = `There is no field '${unknown.slice(0, shownCharsMax)}' here: known are ${
    known.join(", ")
  }`;
  throw new InvalidInput("unknown_field", message, unknown);
}
