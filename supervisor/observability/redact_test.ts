import assert from "node:assert/strict";
import { isSecretName, redact, redactText } from "./redact.ts";

Deno.test("isSecretName() knows secrets in every spelling and leaves ids alone", () => {
  const secrets = ["token", "ADMIN_TOKEN", "adminToken", "password", "Authorization", "apiKey"];
  for (const name of [...secrets, "api-key", "DEMO_KEY", "cookie", "clientSecret", "write_key"]) {
    assert.equal(isSecretName(name), true, name);
  }
  for (const name of ["key", "actor_key", "partition", "keys", "monkey", "user_id"]) {
    assert.equal(isSecretName(name), false, name);
  }
});

Deno.test("redactText() masks the password of a URL and keeps the rest", () => {
  assert.equal(
    redactText("cannot reach postgres://gm:hunter2@db:5432/x?y=1 now"),
    "cannot reach postgres://gm:[redacted]@db:5432/x?y=1 now",
  );
  assert.equal(redactText("http://a/b@c:d"), "http://a/b@c:d");
});

Deno.test("redactText() cuts long text", () => {
  assert.equal(redactText("x".repeat(9000)).length, 8193);
});

Deno.test("redact() masks by name at every depth", () => {
  const value = { a: [{ token: "t", n: 1 }], m: new Map([["password", "p"]]), secret: undefined };
  assert.deepEqual(redact(value), {
    a: [{ token: "[redacted]", n: 1 }],
    m: { password: "[redacted]" },
    secret: undefined,
  });
});

Deno.test("redact() turns errors into data, with code and cause", () => {
  class Coded extends Error {
    readonly code = "fenced";
    readonly password = "x";
  }
  const shown = redact(new Coded("no", { cause: new Error("at postgres://a:b@c") })) as Record<
    string,
    unknown
  >;
  assert.equal(shown.message, "no");
  assert.equal(shown.code, "fenced");
  assert.equal(shown.password, "[redacted]");
  assert.equal((shown.cause as Record<string, unknown>).message, "at postgres://a:[redacted]@c");
  assert.match(String(shown.stack), /redact_test/);
});

Deno.test("redact() survives what JSON cannot carry", () => {
  const circle: Record<string, unknown> = { n: 1n, f: NaN, d: new Date(NaN) };
  circle.self = circle;
  assert.deepEqual(redact(circle), { n: "1", f: "NaN", d: "invalid date", self: "[circular]" });
  let deep: unknown = "end";
  for (let i = 0; i < 100_000; i++) deep = [deep];
  assert.match(JSON.stringify(redact(deep)), /too deep/);
  const many = redact(Array.from({ length: 1000 }, () => 0)) as unknown[];
  assert.equal(many.length, 101);
  assert.equal(many[100], "… 900 more");
  assert.equal(redact(new Uint8Array(7)), "[7 bytes]");
});

Deno.test("redact() shows one object twice when it is no circle", () => {
  const shared = { a: 1 };
  assert.deepEqual(redact([shared, shared]), [{ a: 1 }, { a: 1 }]);
});
