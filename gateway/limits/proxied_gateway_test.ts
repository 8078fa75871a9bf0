import assert from "node:assert/strict";
import { parseCidr } from "../../schema/net/cidr.ts";
import { event, testGateway } from "../testing/test_gateway.ts";
import { RateLimits } from "./rate_limits.ts";

/** A gateway that notes the addresses it counts, and one post of an event to it. */
function counted(trusted: readonly string[]) {
  const seen: string[] = [];
  const takeNow = (key: string) => {
    if (key.startsWith("address:")) seen.push(key.slice("address:".length));
    return { allowed: true, remaining: 1, retryAfterMs: 0 };
  };
  const rates = new RateLimits({ takeNow }, { key: 0, user: 0, address: 1000, global: 0 });
  const proxies = trusted.map((text) => parseCidr(text)!);
  const gateway = testGateway({ rates, trust: { proxies, header: "x-forwarded-for" } });
  return async (peer: string, headers: Record<string, string>) => {
    const request = new Request("http://localhost/api/v1/events", {
      method: "POST",
      headers: { authorization: "Bearer full", ...headers },
      body: JSON.stringify(event()),
    });
    const response = await gateway.fetch(request, { remoteAddr: { hostname: peer } });
    assert.equal(response.status, 202);
    await response.body?.cancel();
    return seen.at(-1);
  };
}

Deno.test("The gateway counts the client behind a trusted proxy, and the peer where nobody is trusted", async () => {
  const spoofed = { "x-forwarded-for": "198.51.100.1, 203.0.113.9", "forwarded": "for=192.0.2.1" };
  const behind = counted(["10.0.0.0/8"]);
  assert.equal(await behind("10.0.0.7", spoofed), "203.0.113.9");
  assert.equal(await behind("203.0.113.50", spoofed), "203.0.113.50");
  assert.equal(await counted([])("10.0.0.7", spoofed), "10.0.0.7");
});
