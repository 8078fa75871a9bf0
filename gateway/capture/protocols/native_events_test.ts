import assert from "node:assert/strict";
import fc from "fast-check";
import { eventTypePattern } from "../../../schema/event_schema.ts";
import { minorUnits, nativeEvent, trailingNumber } from "./native_events.ts";

Deno.test("minorUnits() goes by the currency's digits, without the dust of fractions", () => {
  const cases: [number, string, number][] = [
    [4.99, "USD", 499],
    [1.005, "EUR", 101],
    [8.29, "USD", 829],
    [1200, "JPY", 1200],
    [1.234, "KWD", 1234],
    [5, "not a currency", 500],
  ];
  for (const [major, currency, minor] of cases) {
    assert.equal(minorUnits(major, currency), minor, `${major} ${currency}`);
  }
});

Deno.test("nativeEvent() knows names in any case and with any separator", () => {
  const cases: [string, object, string, object][] = [
    ["Order Completed", { total: "4.99" }, "purchase", {
      total: "4.99",
      amount: 499,
      currency: "USD",
    }],
    ["purchase", { amount: 5, currency: "eur" }, "purchase", { amount: 5, currency: "EUR" }],
    ["levelEnd", { level: "3", success: false }, "level.fail", { level: 3, success: false }],
    ["level_start", { level_name: "boss" }, "level.start", { level_name: "boss" }],
    ["earn_virtual_currency", { virtual_currency_name: "gems", value: 5 }, "resource.source", {
      virtual_currency_name: "gems",
      value: 5,
      currency: "gems",
      amount: 5,
    }],
    ["Ad Clicked", { ad_unit_name: "top" }, "ad.click", { ad_unit_name: "top", placement: "top" }],
    ["$pageleave", {}, "pageleave", {}],
    ["toString", {}, "to_string", {}],
  ];
  for (const [name, given, event_type, properties] of cases) {
    assert.deepEqual(nativeEvent(name, given as never), { event_type, properties }, name);
  }
});

Deno.test("nativeEvent() makes a type of any name, and names that differ stay different", () => {
  const strange = [nativeEvent("跳", {}), nativeEvent("走", {})];
  assert.notEqual(strange[0]!.event_type, strange[1]!.event_type);
  assert.equal(strange[0]!.properties.event_name, "跳");
  fc.assert(fc.property(fc.string({ minLength: 1, unit: "binary" }), (name) => {
    assert.match(nativeEvent(name, {}).event_type, eventTypePattern);
  }));
});

Deno.test("trailingNumber() reads the last number of a name", () => {
  assert.deepEqual(["level07", "w2-3b", "boss", "", 5].map(trailingNumber), [
    7,
    3,
    undefined,
    undefined,
    undefined,
  ]);
});
