import assert from "node:assert/strict";
import { FieldMask, holdsMask, masked } from "./mask_fields.ts";

const mask = new FieldMask(["email", "ip", "First-Name"]);

Deno.test("FieldMask.value() masks listed properties at any depth, in any spelling", () => {
  const value = {
    Email: "a@b.c",
    e_mail: { nested: 1 },
    ip: 0,
    firstName: "Ann",
    emails: "not listed",
    list: [{ IP: "::1" }, "email", null, 7],
    deep: { "first-name": ["x"] },
  };
  const before = structuredClone(value);
  assert.deepEqual(mask.value(value), {
    Email: masked,
    e_mail: masked,
    ip: masked,
    firstName: masked,
    emails: "not listed",
    list: [{ IP: masked }, "email", null, 7],
    deep: { "first-name": masked },
  });
  assert.deepEqual(value, before);
  assert.deepEqual(mask.value({ email: null }), { email: null });
});

Deno.test("FieldMask.text() masks in JSON, and shows nothing of other text", () => {
  assert.equal(mask.text('{"email":"a@b.c","n":1}'), `{"email":"${masked}","n":1}`);
  const cut = mask.text('{"email":"a@b.c","n');
  assert.ok(cut.startsWith(masked) && !cut.includes("a@b.c"), cut);
});

Deno.test("FieldMask of no names shows everything", () => {
  const none = new FieldMask([]);
  const value = { email: "a" };
  assert.equal(none.value(value), value);
  assert.equal(none.text("{"), "{");
});

Deno.test("holdsMask() finds a mask at any depth", () => {
  assert.equal(holdsMask({ a: [{ b: masked }] }), true);
  assert.equal(holdsMask({ a: [{ b: `${masked}!` }], c: null }), false);
});
