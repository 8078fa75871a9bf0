import assert from "node:assert/strict";
import { InvalidInput } from "../../schema/errors.ts";
import type { LogRecord } from "./log.ts";
import { assertRecord, BatchCursor, lineOf, sizeOf } from "./record_text.ts";

const encoder = new TextEncoder();

function cursorOver(lines: readonly string[], first = 100): BatchCursor {
  return new BatchCursor(encoder.encode(lines.join("")), first, first + lines.length, 7);
}

const lines = ["a\t1\n", "b\t22\n", "c\t333\n", "\t\n"];

Deno.test("assertRecord() accepts what a line can carry", () => {
  for (const [key, value] of [["", ""], ["ü/😀", "\t\r\u2028\u0000"], ["k", `"\\n"`]] as const) {
    assertRecord({ partition: 0, key, value });
  }
});

Deno.test("assertRecord() names the field that a line cannot carry", () => {
  const wrong = [["a\tb", ""], ["a\nb", ""], ["\udc00", ""], ["", "a\nb"], [
    "",
    "\ud800x",
  ]] as const;
  for (const [key, value] of wrong) {
    assert.throws(
      () => assertRecord({ partition: 0, key, value }),
      (error: InvalidInput) =>
        error.code === "ill_formed_text" && error.message.includes(key === "" ? "value" : "key"),
    );
  }
});

Deno.test("BatchCursor take() goes on where the last take() ended", () => {
  const cursor = cursorOver(lines);
  const first: LogRecord[] = [], second: LogRecord[] = [];
  assert.ok(cursor.take(first, 0, 9) > 9, "the third line did not fit, and says so");
  assert.equal(cursor.take(second, 0, 1000), 6 + 2);
  assert.deepEqual(first, [
    { offset: 100, timestamp: 7, key: "a", value: "1" },
    { offset: 101, timestamp: 7, key: "b", value: "22" },
  ]);
  assert.deepEqual(second.map(({ offset, key, value }) => [offset, key, value]), [
    [102, "c", "333"],
    [103, "", ""],
  ]);
});

Deno.test("BatchCursor take() counts as sizeOf() and lineOf() do", () => {
  const records = [{ key: "k1", value: "v" }, { key: "", value: "0123456789" }];
  const text = records.map((r) => lineOf({ partition: 0, ...r }));
  const found: LogRecord[] = [];
  const bytes = cursorOver(text).take(found, 0, 1000);
  assert.equal(bytes, records.reduce((sum, r) => sum + sizeOf(r), 0));
  assert.equal(bytes, text.join("").length);
});

Deno.test("BatchCursor take() gives the trace that lineOf() wrote, and only that", () => {
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const records = [{ key: "", value: "1", trace }, { key: "k", value: "2" }, {
    key: "k",
    value: "",
    trace,
  }];
  const text = records.map((r) => lineOf({ partition: 0, ...r }));
  const found: LogRecord[] = [];
  const bytes = cursorOver(text, 0).take(found, 0, 1000);
  assert.deepEqual(found, records.map((r, offset) => ({ offset, timestamp: 7, ...r })));
  assert.equal(bytes, records.reduce((sum, r) => sum + sizeOf(r), 0));
  assert.throws(() => cursorOver(["k\t\x0100-0af7\n"]).take([], 0, 1000), RangeError);
  for (const wrong of ["", trace.toUpperCase(), `${trace}-x`]) {
    assert.throws(
      () => assertRecord({ partition: 0, key: "", value: "1", trace: wrong }),
      InvalidInput,
    );
  }
  assert.throws(() => assertRecord({ partition: 0, key: "", value: "\x01" }), InvalidInput);
});

Deno.test("BatchCursor skipTo() starts within the batch", () => {
  const cursor = cursorOver(lines);
  cursor.skipTo(102);
  const found: LogRecord[] = [];
  cursor.take(found, 0, 1);
  assert.deepEqual(found.map(({ offset, value }) => [offset, value]), [[102, "333"]]);
});

Deno.test("BatchCursor throws when text and count do not agree", () => {
  const body = encoder.encode("a\t1\nb\t2\n");
  const take = (count: number) => new BatchCursor(body, 0, count, 0).take([], 0, 1000);
  assert.equal(take(2), 8);
  assert.throws(() => take(3), RangeError);
  assert.throws(() => take(1), RangeError);
  assert.throws(
    () => new BatchCursor(encoder.encode("no tab\n"), 0, 1, 0).take([], 0, 9),
    RangeError,
  );
  assert.throws(() => new BatchCursor(new Uint8Array([0xff, 9, 10]), 0, 1, 0), TypeError);
});

Deno.test("BatchCursor gives keys that do not keep the batch's text alive", () => {
  const mib = 1024 * 1024;
  const value = "x".repeat(mib);
  const keys: string[] = [];
  const before = Deno.memoryUsage().heapUsed;
  for (let n = 0; n < 400; n++) {
    const found: LogRecord[] = [];
    cursorOver([`studio/a-long-user-id-${n}\t${value}\n`]).take(found, 0, 1);
    keys.push(found[0]!.key);
  }
  const grown = Deno.memoryUsage().heapUsed - before;
  assert.equal(keys[399], "studio/a-long-user-id-399");
  assert.ok(grown < 200 * mib, `${keys.length} keys hold ${grown} bytes`);
});
