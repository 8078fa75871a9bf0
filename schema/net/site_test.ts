import assert from "node:assert/strict";
import { isLoopback, networkOf, siteOf } from "./site.ts";

Deno.test("siteOf() counts IPv6 by the network of a site, and IPv4 by itself", () => {
  const expected: Record<string, string> = {
    "192.0.2.1": "192.0.2.1",
    "::ffff:192.0.2.1": "192.0.2.1",
    // The same, as proxies may write it.
    "::ffff:c000:201": "192.0.2.1",
    "0:0:0:0:0:ffff:c000:201": "192.0.2.1",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
    "2001:0DB8:0001:2::9": "2001:db8:1:2::/64",
    "2001:db8::9": "2001:db8:0:0::/64",
    "fe80::1%eth0": "fe80:0:0:0::/64",
    "::1": "0:0:0:0::/64",
    "a socket": "a socket",
    "a:socket": "a:socket",
  };
  for (const [address, site] of Object.entries(expected)) assert.equal(siteOf(address), site);
});

Deno.test("networkOf() keeps of an address what a site has", () => {
  const expected: Record<string, string> = {
    "192.0.2.17": "192.0.2.0/24",
    "::ffff:192.0.2.17": "192.0.2.0/24",
    "::ffff:c000:211": "192.0.2.0/24",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1::/48",
    "2001:db8::9": "2001:db8:0::/48",
    "::1": "0:0:0::/48",
    "fe80::1%eth0": "fe80:0:0::/48",
    "a socket": "unknown",
  };
  for (const [address, network] of Object.entries(expected)) {
    assert.equal(networkOf(address), network);
  }
});

Deno.test("isLoopback() is true of this machine alone", () => {
  for (const own of ["127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]) {
    assert.ok(isLoopback(own), own);
  }
  for (const other of ["::2", "::ffff:c000:201", "128.0.0.1", "127", ""]) {
    assert.ok(!isLoopback(other), other);
  }
});
