import assert from "node:assert/strict";
import { parseCidr } from "../../schema/net/cidr.ts";
import { addressOf } from "./client_address.ts";

const proxies = ["10.0.0.0/8", "2001:db8:1::/48"].map((text) => parseCidr(text)!);
const client = addressOf({ proxies, header: "x-forwarded-for" });
const standard = addressOf({ proxies, header: "forwarded" });
const xff = (value: string) => new Headers({ "x-forwarded-for": value });
const forwarded = (value: string) => new Headers({ forwarded: value });

Deno.test("addressOf() takes the last hop that is no proxy", () => {
  assert.equal(client("10.1.1.1", xff("203.0.113.9")), "203.0.113.9");
  assert.equal(client("10.1.1.1", xff("203.0.113.9, 10.2.2.2, 10.3.3.3")), "203.0.113.9");
  assert.equal(client("2001:db8:1::5", xff("2001:db8:9::1")), "2001:db8:9::1");
  assert.equal(client("::ffff:10.1.1.1", xff("[2001:db8:9::1]:4711")), "2001:db8:9::1");
  assert.equal(client("10.1.1.1", xff("203.0.113.9:1234")), "203.0.113.9");
  assert.equal(client("10.1.1.1", xff(`${"forged, ".repeat(99)}203.0.113.9`)), "203.0.113.9");
});

Deno.test("addressOf() believes no hop that a client has put before his own", () => {
  assert.equal(client("10.1.1.1", xff("198.51.100.1, 203.0.113.9")), "203.0.113.9");
  assert.equal(
    client("10.1.1.1", xff("127.0.0.1, 10.0.0.1, 203.0.113.9, 10.2.2.2")),
    "203.0.113.9",
  );
});

Deno.test("addressOf() reads no header of who is no proxy", () => {
  assert.equal(client("203.0.113.7", xff("198.51.100.1")), "203.0.113.7");
  assert.equal(client("203.0.113.7", xff("10.0.0.1")), "203.0.113.7");
  const nobody = addressOf({ proxies: [], header: "x-forwarded-for" });
  assert.equal(nobody("10.1.1.1", xff("198.51.100.1")), "10.1.1.1");
});

Deno.test("addressOf() stops where a hop is no address, and where all are proxies", () => {
  for (
    const value of [
      "unknown",
      "",
      "1.2.3.4.5",
      "203.0.113.9, evil",
      "203.0.113.9,",
      "a".repeat(9999),
    ]
  ) {
    assert.equal(client("10.1.1.1", xff(value)), "10.1.1.1", value.slice(0, 40));
  }
  assert.equal(client("10.1.1.1", xff("203.0.113.9, _hidden, 10.2.2.2")), "10.2.2.2");
  assert.equal(client("10.1.1.1", xff("10.2.2.2, 10.3.3.3")), "10.2.2.2");
  assert.equal(client("10.1.1.1", new Headers()), "10.1.1.1");
});

Deno.test("addressOf() reads Forwarded where that is configured, and then nothing else", () => {
  assert.equal(standard("10.1.1.1", forwarded("for=203.0.113.9;proto=https")), "203.0.113.9");
  assert.equal(
    standard("10.1.1.1", forwarded('for=198.51.100.1, proto=https;For="[2001:db8:9::1]:47"')),
    "2001:db8:9::1",
  );
  assert.equal(standard("10.1.1.1", forwarded("for=unknown")), "10.1.1.1");
  assert.equal(standard("10.1.1.1", forwarded("by=10.1.1.1")), "10.1.1.1");
  assert.equal(standard("10.1.1.1", xff("203.0.113.9")), "10.1.1.1");
  assert.equal(client("10.1.1.1", forwarded("for=203.0.113.9")), "10.1.1.1");
});
