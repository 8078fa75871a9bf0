import assert from "node:assert/strict";
import { isSampled, isTraceparent, traceparentChars } from "./traceparent.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";

Deno.test("isTraceparent() takes version 00 as it is written, and nothing else", () => {
  const good = `00-${traceId}-${spanId}-01`;
  assert.equal(good.length, traceparentChars);
  assert.ok(isTraceparent(good) && isTraceparent(`00-${traceId}-${spanId}-00`));
  const bad = [
    "",
    good.toUpperCase(),
    `${good} `,
    `${good}\n`,
    `ff-${traceId}-${spanId}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId}-${spanId}-0`,
    `00-${traceId}_${spanId}-01`,
  ];
  for (const text of bad) assert.ok(!isTraceparent(text), text);
});

Deno.test("isSampled() reads the last bit of the flags alone", () => {
  const flags = (hex: string) => isSampled(`00-${traceId}-${spanId}-${hex}`);
  assert.deepEqual(["00", "01", "02", "03", "ff"].map(flags), [false, true, false, true, true]);
});
