/**
 * What every {@link VectorStore} must do while it is there. Each adapter runs it in its own test file.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidInput } from "../../schema/errors.ts";
import { dimensions, type Neighbour, type Point, type VectorStore } from "./vectors.ts";

export interface VectorsUnderTest {
  readonly vectors: VectorStore;
  readonly dispose: () => Promise<void>;
}

/** A vector in the plane of the first two dimensions. */
export function atAngle(degrees: number, length = 1): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  const radians = degrees * Math.PI / 180;
  vector[0] = length * Math.cos(radians);
  vector[1] = length * Math.sin(radians);
  return vector;
}

export const pointAt = (id: string, degrees: number, length?: number): Point => ({
  id,
  vector: atAngle(degrees, length),
  payload: { degrees },
});

/** Waits for a condition, 10 s at most. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>) {
  const deadline = performance.now() + 10_000;
  while (!await holds()) {
    assert.ok(performance.now() < deadline, `Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const idsOf = (found: readonly Neighbour[]) => found.map(({ id }) => id).join(" ");

/** Waits until a search finds exactly these. */
async function finds(vectors: VectorStore, collection: string, ids: string, k = 10, studio = "s") {
  let last = "";
  await eventually(`a search finds ${ids}`, async () => {
    last = idsOf(await vectors.search(collection, atAngle(0), k, studio));
    return last === ids;
  }).catch((error) => assert.fail(`${error.message}, found ${last}`));
}

async function nearness(vectors: VectorStore, collection: string): Promise<void> {
  await vectors.ensure(collection);
  await vectors.ensure(collection);
  assert.deepEqual(await vectors.search(collection, atAngle(0), 3, "s"), []);
  await vectors.upsert(collection, [
    pointAt("s/far", 170),
    // Only the direction counts.
    pointAt("s/near", 10, 1000),
    pointAt("s/middle", 60, 0.001),
    pointAt("other/near", 1),
  ]);
  await finds(vectors, collection, "s/near s/middle s/far");
  await finds(vectors, collection, "s/near", 1);
  await finds(vectors, collection, "other/near", 10, "other");
  await finds(vectors, collection, "", 10, "nobody");
  const [nearest] = await vectors.search(collection, atAngle(0, 5), 1, "s");
  assert.deepEqual(nearest!.payload, { degrees: 10 });
  assert.ok(Math.abs(nearest!.score - Math.cos(Math.PI / 18)) < 1e-5);
}

async function writes(vectors: VectorStore, collection: string): Promise<void> {
  await vectors.ensure(collection);
  await vectors.upsert(collection, [pointAt("s/a", 10), pointAt("s/b", 20), pointAt("s/c", 30)]);
  await vectors.upsert(collection, [pointAt("s/a", 40)]);
  await finds(vectors, collection, "s/b s/c s/a");
  await vectors.remove(collection, ["s/c", "s/nobody"]);
  await finds(vectors, collection, "s/b s/a");
  await vectors.remove(collection, ["s/b"]);
  await vectors.upsert(collection, [pointAt("s/b", 50)]);
  await finds(vectors, collection, "s/a s/b");
  await vectors.upsert(collection, [pointAt("s/b", 5)]);
  await vectors.remove(collection, ["s/b"]);
  await finds(vectors, collection, "s/a");
}

async function refusals(vectors: VectorStore, collection: string): Promise<void> {
  await vectors.ensure(collection);
  const bad = [[1, 2], atAngle(0).map(() => 0), atAngle(0).with(5, NaN), [...atAngle(0), 1]];
  for (const vector of bad) {
    await assert.rejects(vectors.search(collection, vector, 1, "s"), InvalidInput);
    const points = [pointAt("s/good", 0), { id: "s/bad", vector, payload: {} }];
    await assert.rejects(vectors.upsert(collection, points), InvalidInput);
  }
  assert.deepEqual(await vectors.search(collection, atAngle(0), 5, "s"), []);
  for (const name of ["", "a/b", "x".repeat(65)]) {
    await assert.rejects(vectors.ensure(name), InvalidInput);
    await assert.rejects(vectors.remove(name, []), InvalidInput);
  }
  for (const k of [0, 1.5, 1001]) {
    await assert.rejects(vectors.search(collection, atAngle(0), k, "s"), InvalidInput);
  }
}

async function many(vectors: VectorStore, collection: string): Promise<void> {
  await vectors.ensure(collection);
  const points = Array.from(
    { length: 1000 },
    (_, i) => pointAt(`s/${i}`, (i * 7919) % 1000 * 0.17),
  );
  await vectors.upsert(collection, points);
  const expected = points.toSorted((a, b) => Number(a.payload.degrees) - Number(b.payload.degrees))
    .slice(0, 20).map(({ id }) => id);
  // Those that are very near are told apart by less than a 32-bit number holds.
  await eventually("all have come", async () => {
    return (await vectors.search(collection, atAngle(0), 1000, "s")).length === 1000;
  });
  const found = await vectors.search(collection, atAngle(0), 20, "s");
  assert.deepEqual(new Set(found.map(({ id }) => id)), new Set(expected));
}

/** Runs the contract. @param ignore when no server can be had; the tests are still named */
export function vectorsContract(
  name: string,
  open: () => Promise<VectorsUnderTest>,
  ignore = false,
): void {
  const tests = {
    "search() finds the nearest of a studio": nearness,
    "upsert() and remove() take effect in order": writes,
    "search() is right among a thousand points": many,
    "refuses what is no vector": refusals,
  };
  for (const [title, test] of Object.entries(tests)) {
    Deno.test({
      name: `${name} ${title}`,
      ignore,
      async fn() {
        const { vectors, dispose } = await open();
        try {
          await eventually("it is there", () => vectors.fault() === undefined);
          await test(vectors, `test-${crypto.randomUUID()}`);
        } finally {
          await dispose();
        }
      },
    });
  }
}
