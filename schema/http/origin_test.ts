import assert from "node:assert/strict";
import { isOriginOf, originOf } from "./origin.ts";

Deno.test("originOf() takes origins as browsers name them, and those of hosts below one", () => {
  const cases: [string, string | undefined][] = [
    ["https://Play.Example.com", "https://play.example.com"],
    ["https://play.example.com:443", "https://play.example.com"],
    ["http://localhost:80", "http://localhost"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["http://[::1]:3000", "http://[::1]:3000"],
    ["capacitor://localhost", "capacitor://localhost"],
    ["https://*.itch.zone", "https://*.itch.zone"],
    ["null", "null"],
    ["*", undefined],
    ["https://*", undefined],
    ["https://a.*.test", undefined],
    ["https://a.test/", undefined],
    ["https://user@a.test", undefined],
    ["a.test", undefined],
    ["", undefined],
    [`https://${"a.".repeat(130)}test`, undefined],
  ];
  for (const [text, expected] of cases) assert.equal(originOf(text), expected, text);
});

Deno.test("isOriginOf() compares whole origins, and hosts below one at a dot", () => {
  const list = ["https://play.test", "https://*.zone.test"];
  const inside = ["https://play.test", "https://a.zone.test", "https://a.b.zone.test"];
  const outside = [
    "http://play.test",
    "https://play.test:8443",
    "https://play.test.evil.test",
    "https://zone.test",
    "https://evilzone.test",
    "http://a.zone.test",
    "https://evil.test/.zone.test",
    "https://evil.test?.zone.test",
    "https://.zone.test",
    "null",
  ];
  assert.deepEqual(inside.filter((origin) => !isOriginOf(list, origin)), []);
  assert.deepEqual(outside.filter((origin) => isOriginOf(list, origin)), []);
});
