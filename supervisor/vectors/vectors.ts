/**
 * Nearest neighbours: players as points, found by the angle between them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { InvalidInput } from "../../schema/errors.ts";
import type { JsonObject } from "../../schema/event.ts";

/** Every vector has so many dimensions. */
export const dimensions = 128;

/** A point; a later one of the same id takes its place. */
export interface Point {
  /** `studio/user_id`. */
  readonly id: string;
  /** {@link dimensions} finite numbers, not all 0; only their direction counts. */
  readonly vector: readonly number[];
  readonly payload: JsonObject;
}

/** A point that was found. */
export interface Neighbour {
  readonly id: string;
  /** Cosine of the angle, -1 to 1; 1 is the same direction. */
  readonly score: number;
  readonly payload: JsonObject;
}

/** Collections of points. Their names are 1 to 64 of `A-Z a-z 0-9 _ -`. */
export interface Vectors {
  /**
   * Makes the collection unless it is there.
   *
   * @throws {Unavailable} it will be made as soon as it can; writes may begin
   */
  ensure(collection: string): Promise<void>;
  /**
   * Takes points to be written, in order for each of them; a search may see them a moment later.
   * While the store is away they wait, and are written once it is back.
   *
   * @throws {InvalidInput} a vector is none of {@link dimensions} finite numbers that are not all 0
   * @throws {Unavailable} too many wait already: none of these was taken
   */
  upsert(collection: string, points: readonly Point[]): Promise<void>;
  /**
   * The `k` nearest points of a studio, the nearest first.
   *
   * @throws {Unavailable} the store is away; nothing else can answer
   */
  search(
    collection: string,
    vector: readonly number[],
    k: number,
    studio: string,
  ): Promise<Neighbour[]>;
  /** Takes points to be removed, as {@link upsert} does. @throws {Unavailable} */
  remove(collection: string, ids: readonly string[]): Promise<void>;
}

/** The vectors of a node. */
export interface VectorStore extends Vectors {
  /** Why it is away; `undefined`: it is there. */
  fault(): string | undefined;
  /** Writes what waits if it can within `limits.vectorCallMsMax`, and ends. */
  close(): Promise<void>;
}

/** The studio of a point. */
export function studioOf(id: string): string {
  return id.slice(0, id.indexOf("/"));
}

/** @throws {InvalidInput} */
export function checkVector(vector: readonly number[]): void {
  const isGood = vector.length === dimensions && vector.every(Number.isFinite) &&
    vector.some((x) => x !== 0);
  if (isGood) return;
  const message = `A vector is ${dimensions} finite numbers that are not all 0`;
  throw new InvalidInput("invalid_vector", message, "vector");
}

/** @throws {InvalidInput} */
export function checkCollection(name: string): void {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return;
  const message = "A collection's name is 1 to 64 of A-Z a-z 0-9 _ -";
  throw new InvalidInput("invalid_collection", message, "collection");
}

/** @throws {InvalidInput} */
export function checkCount(k: number): void {
  if (Number.isInteger(k) && k >= 1 && k <= 1000) return;
  throw new InvalidInput("invalid_page", `k must be 1 to 1000: got ${k}`, "k");
}

/** The same UUID for the same id, on every node and for ever (version 8 of RFC 9562). */
export function pointId(id: string): string {
  const bytes = createHash("sha256").update(id).digest().subarray(0, 16);
  bytes[6] = bytes[6]! & 0x0f | 0x80;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  const hex = bytes.toString("hex");
  return [[0, 8], [8, 12], [12, 16], [16, 20], [20, 32]].map(([from, to]) => hex.slice(from, to))
    .join("-");
}
