/**
 * A point of an actor's past, as operators write it: an arrival time or a place in the log.
 *
 * @module
 */
import { InvalidInput } from "../../schema/errors.ts";
import { parseDateTime } from "../../schema/rfc3339.ts";
import type { AsOf } from "../store/store.ts";

/** Up to and including it. `receivedAt` in milliseconds since the Unix epoch. */
export type Point =
  | { readonly receivedAt: number }
  | { readonly partition: number; readonly offset: number };

/**
 * Reads an RFC 3339 date-time or `partition:offset`.
 *
 * @throws {InvalidInput} `invalid_timestamp`
 */
export function parsePoint(field: string, text: string): Point {
  const position = /^(\d{1,5}):(\d{1,15})$/.exec(text);
  if (position !== null) return { partition: Number(position[1]), offset: Number(position[2]) };
  const receivedAt = parseDateTime(text);
  if (!Number.isNaN(receivedAt)) return { receivedAt };
  const message = `${field} must be an RFC 3339 date-time or partition:offset: got ${
    JSON.stringify(text.slice(0, 100))
  }`;
  throw new InvalidInput("invalid_timestamp", message, field);
}

/** The point for an actor of `partition`. @throws {InvalidInput} the offset is one of another partition */
export function asOfPoint(point: Point, partition: number): AsOf {
  if ("receivedAt" in point) return { receivedAt: point.receivedAt };
  if (point.partition === partition) return { offset: point.offset };
  const message = `The actor lives in partition ${partition}: got an offset of ${point.partition}`;
  throw new InvalidInput("wrong_partition", message, "as_of");
}
