import assert from "node:assert/strict";
import fc from "fast-check";
import { closingQuote } from "./json_text.ts";

Deno.test("closingQuote() finds the end of any string, whatever stands before and behind it", () => {
  const part = fc.array(fc.constantFrom('"', "\\", "a", "\n", "ü", "[")).map((c) => c.join(""));
  fc.assert(fc.property(part, part, (text, more) => {
    const json = `[${JSON.stringify(text)},${JSON.stringify(more)}]`;
    assert.equal(closingQuote(json, 1), JSON.stringify(text).length);
  }));
});

Deno.test("closingQuote() says of a string without an end that it has none", () => {
  for (const open of ['"', '"a', String.raw`"\"`, String.raw`"a\\\"`]) {
    assert.equal(closingQuote(open, 0), -1, open);
  }
});
