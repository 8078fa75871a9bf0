import assert from "node:assert/strict";
import fc from "fast-check";
import { FieldMask, holdsMask, masked } from "./mask_fields.ts";

const mask = new FieldMask(["email", "ip", "First-Name"]);

Deno.test("FieldMask.value() masks listed properties at any depth, in any spelling", () => {
  const value = {
    Email: "a@b.c",
    e_mail: { nested: 1 },
    ip: 0,
    firstName: "Ann",
    zip: "not listed",
    list: [{ IP: "::1" }, "email", null, 7],
    deep: { "first-name": ["x"] },
  };
  const before = structuredClone(value);
  assert.deepEqual(mask.value(value), {
    Email: masked,
    e_mail: masked,
    ip: masked,
    firstName: masked,
    zip: "not listed",
    list: [{ IP: masked }, "email", null, 7],
    deep: { "first-name": masked },
  });
  assert.deepEqual(value, before);
  assert.deepEqual(mask.value({ email: null }), { email: null });
});

/** The names of those that are masked. */
const maskedOf = (mask: FieldMask, names: readonly string[]) =>
  names.filter((name) => (mask.value({ [name]: 1 }) as Record<string, unknown>)[name] === masked);

Deno.test("FieldMask.value() finds a listed name among the words of another, and its plural", () => {
  const held = [
    ...[
      "user_email",
      "contactEmail",
      "email_address",
      "Email2",
      "EMAIL",
      "emails",
      "contact-e-mails",
    ],
    ...[
      "userIP",
      "IPAddress",
      "ip4",
      "client.ip",
      "IPs",
      "userFirstName",
      "first_names",
      "FIRST_NAME",
    ],
    ...["useremail", "emailaddress", "myfirstname", "$email", "é_email", "用户email", "user email"],
  ];
  assert.deepEqual(maskedOf(mask, held), held);
  const others = [
    "zip",
    "ship",
    "recipe",
    "name",
    "first",
    "lastName",
    "e",
    "mail",
    "male",
    "ipsum",
  ];
  assert.deepEqual(maskedOf(mask, [...others, "", "$", "nameFirst", "e1mail"]), []);
  // With a common word listed, more is masked than is anybody's.
  const names = ["name", "level_name", "userName", "tournament", "username"];
  assert.deepEqual(maskedOf(new FieldMask(["name"]), names), ["name", "level_name", "userName"]);
});

Deno.test("FieldMask.value() masks what is spelled like a listed name, however it is written", () => {
  const letter = fc.constantFrom(..."aBcßéÉ1二ǄǅİΣ");
  const listed = fc.array(letter, { minLength: 1, maxLength: 8 });
  const between = fc.array(fc.constantFrom("", "_", "-", " ", "."), { minLength: 8, maxLength: 8 });
  fc.assert(fc.property(listed, between, (letters, gaps) => {
    const written = letters.map((one, i) => one + gaps[i]).join("");
    assert.deepEqual(maskedOf(new FieldMask([letters.join("")]), [written]), [written]);
  }));
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
