import assert from "node:assert/strict";
import fc from "fast-check";
import { limits } from "../../schema/limits.ts";
import { Rejection } from "../../schema/rejection.ts";
import { BrokenLine } from "./decode_events.ts";
import { cutText, deadLetterOf, payloadOf } from "./dead_letter.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

Deno.test("payloadOf() is the event's JSON when it fits", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
    const json = JSON.stringify(value);
    fc.pre(bytesOf(json) < limits.deadLetterPayloadBytesMax && !json.includes("-0"));
    assert.equal(payloadOf(JSON.parse(json)), json);
  }));
});

Deno.test("payloadOf() cuts large values at the bound and shows numbers as they came", () => {
  const huge = { a: "é".repeat(10_000), b: Array.from({ length: 10_000 }, () => 1) };
  assert.equal(bytesOf(payloadOf(huge)), limits.deadLetterPayloadBytesMax);
  assert.equal(payloadOf(JSON.parse(`{"a":1e999}`)), `{"a":Infinity}`);
  const deep = JSON.parse("[".repeat(200_000) + "]".repeat(200_000));
  assert.match(payloadOf(deep), /^\[{64}"…"\]{64}$/);
  assert.equal(payloadOf(new BrokenLine("{", new Rejection("invalid_json", "", "", ""))), "{");
});

Deno.test("cutText() is storable text within the bound, whatever comes", () => {
  const text = fc.string({ unit: "binary", maxLength: 6000 }).map((s) => s.repeat(3));
  const check = (text: string) => {
    const cut = cutText(text);
    assert.ok(cut.isWellFormed() && !cut.includes("\0"));
    assert.ok(bytesOf(cut) <= limits.deadLetterPayloadBytesMax);
  };
  fc.assert(fc.property(text, check), { numRuns: 30 });
  assert.ok(cutText("x" + "🎮".repeat(2000)).endsWith("🎮"));
});

Deno.test("deadLetterOf() is JSON that jsonb takes, even of hostile input", () => {
  const item = JSON.parse(`{"a\\u0000":"\\ud800"}`);
  const rejection = new Rejection("ill_formed_text", 'a["\\u0000"]', "text", "\0\ud800");
  const json = JSON.stringify(deadLetterOf("demo", item, rejection));
  const unescaped = json.replaceAll("\\\\", "");
  assert.ok(!unescaped.includes("\\u0000") && !unescaped.includes("\\ud800"), json);
});
