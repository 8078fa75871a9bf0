import assert from "node:assert/strict";
import { isKnown, weakTag } from "./entity_tag.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("weakTag() is of the bytes alone, and weak", () => {
  const tag = weakTag(bytes("a"));
  assert.match(tag, /^W\/"[A-Za-z0-9_-]{22}"$/);
  assert.equal(weakTag(bytes("a")), tag);
  assert.notEqual(weakTag(bytes("b")), tag);
});

Deno.test("isKnown() finds a tag in a list, compared weakly", () => {
  const tag = weakTag(bytes("a"));
  const strong = tag.slice(2);
  for (const header of [tag, strong, "*", ` "x", ${tag}`, `W/"x,y" ,${strong}`]) {
    assert.equal(isKnown(header, tag), true, header);
  }
  for (const header of [null, "", "x", '"x"', strong.slice(1, -1), `"${strong.slice(2)}`]) {
    assert.equal(isKnown(header, tag), false, String(header));
  }
});
