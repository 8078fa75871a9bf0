import assert from "node:assert/strict";
import { parseLoadOptions } from "./load_options.ts";

const parse = (...args: string[]) => parseLoadOptions(["--key", "k", ...args], 1000);

Deno.test("parseLoadOptions() plans rate times seconds by default", () => {
  const { plan } = parse("--rate", "5000", "--seconds", "20");
  assert.equal(plan.stream.events, 100_000);
  assert.equal(plan.runMs, 20_000);
  assert.deepEqual([plan.stream.batch, plan.stream.connections], [100, 16]);
  assert.deepEqual([plan.stream.late, plan.stream.originMs], [0.02, 1000]);
});

Deno.test("parseLoadOptions() runs to the end of --events, however long it takes", () => {
  const { plan } = parse("--events", "3000", "--rate", "1000");
  assert.deepEqual([plan.stream.events, plan.stream.seconds, plan.runMs], [3000, 3, undefined]);
});

Deno.test("parseLoadOptions() knows --single, --span-days and --protocol", () => {
  const { plan } = parse("--single", "--span-days", "40", "--protocol", "ws", "--players", "9");
  assert.deepEqual([plan.stream.batch, plan.stream.connections], [1, 9]);
  assert.deepEqual([plan.stream.late, plan.stream.protocol], [0.2, "ws"]);
});

Deno.test("parseLoadOptions() says what is wrong with which value", () => {
  assert.throws(() => parse("--rate", "fast"), /'--rate' must be a number: current value is fast/);
  assert.throws(() => parse("--rate=-1"), /'--rate' must be at least 0: current value is -1/);
  assert.throws(() => parse("--protocol", "udp"), /'--protocol' must be http or ws.*udp/);
  assert.throws(() => parse("--url", "x"), /'--url' must be an http/);
  assert.throws(() => parse("--origin", "x"), /'--origin' must be/);
  assert.throws(() => parse("--nonsense"), RangeError);
});
