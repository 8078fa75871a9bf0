/**
 * Points in this process, every one of them compared: exact, and good for some ten thousand.
 *
 * @module
 */
import type { JsonObject } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import {
  checkCollection,
  checkCount,
  checkVector,
  dimensions,
  type Neighbour,
  type Point,
  studioOf,
  type VectorStore,
} from "./vectors.ts";

interface Held {
  /** Of length 1. */
  readonly direction: Float64Array;
  readonly payload: JsonObject;
}

function directionOf(vector: readonly number[]): Float64Array {
  const direction = Float64Array.from(vector);
  // Scaled first: the squares of very large or small numbers would not be numbers any more.
  const largest = direction.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  let square = 0;
  for (let i = 0; i < dimensions; i++) square += (direction[i]! /= largest) ** 2;
  const length = Math.sqrt(square);
  return direction.map((x) => x / length);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < dimensions; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The nearest first; equally near ones by id, so that the order is total. */
function byNearness(a: Neighbour, b: Neighbour): number {
  return b.score - a.score || (a.id < b.id ? -1 : 1);
}

export class MemoryVectors implements VectorStore {
  readonly #collections = new Map<string, Map<string, Held>>();
  readonly #pointsMax: number;

  /** @param pointsMax of a collection: the one that was written the longest ago goes first */
  constructor(pointsMax: number = limits.vectorPointsMax) {
    this.#pointsMax = pointsMax;
  }

  #of(collection: string): Map<string, Held> {
    checkCollection(collection);
    let held = this.#collections.get(collection);
    if (held === undefined) this.#collections.set(collection, held = new Map());
    return held;
  }

  // Async, so that what is wrong rejects.
  // deno-lint-ignore require-await
  async ensure(collection: string): Promise<void> {
    this.#of(collection);
  }

  // deno-lint-ignore require-await
  async upsert(collection: string, points: readonly Point[]): Promise<void> {
    for (const { vector } of points) checkVector(vector);
    const held = this.#of(collection);
    for (const { id, vector, payload } of points) {
      held.delete(id);
      held.set(id, { direction: directionOf(vector), payload });
      if (held.size > this.#pointsMax) held.delete(held.keys().next().value!);
    }
  }

  // deno-lint-ignore require-await
  async search(collection: string, vector: readonly number[], k: number, studio: string) {
    checkVector(vector);
    checkCount(k);
    const direction = directionOf(vector);
    const found: Neighbour[] = [];
    for (const [id, point] of this.#of(collection)) {
      if (studioOf(id) !== studio) continue;
      found.push({ id, score: dot(direction, point.direction), payload: point.payload });
    }
    return found.sort(byNearness).slice(0, k);
  }

  // deno-lint-ignore require-await
  async remove(collection: string, ids: readonly string[]): Promise<void> {
    const held = this.#of(collection);
    for (const id of ids) held.delete(id);
  }

  fault(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
