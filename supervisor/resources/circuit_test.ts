import assert from "node:assert/strict";
import { Circuit } from "./circuit.ts";
import { Late, within } from "./within.ts";

Deno.test("Circuit opens after three failures in a row, or when told, and tells changes once", () => {
  const told: (string | undefined)[] = [];
  const circuit = new Circuit((reason) => told.push(reason));
  circuit.failed("a");
  circuit.failed("b");
  circuit.succeeded();
  circuit.failed("c");
  circuit.failed("d");
  assert.equal(circuit.reason, undefined);
  circuit.failed("e");
  assert.equal(circuit.reason, "e");
  circuit.open("f");
  assert.equal(circuit.reason, "f", "the latest reason is the one shown");
  circuit.succeeded();
  circuit.succeeded();
  circuit.open("g");
  assert.deepEqual(told, ["e", undefined, "g"]);
});

Deno.test("within() settles as the answer does, or is late", async () => {
  assert.equal(await within(10_000, Promise.resolve(1)), 1);
  await assert.rejects(within(10_000, Promise.reject(new TypeError())), TypeError);
  const late = Promise.withResolvers<never>();
  await assert.rejects(within(5, late.promise), Late);
  // An error that comes too late is nobody's.
  late.reject(new Error("too late"));
  await Promise.resolve();
});
