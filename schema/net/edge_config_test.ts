import assert from "node:assert/strict";
import { VariableReader } from "../config_reader.ts";
import { edgeLimits } from "./edge_limits.ts";
import { readEdgeConfig } from "./edge_config.ts";

Deno.test("readEdgeConfig() guards and trusts nobody by default", () => {
  assert.deepEqual(readEdgeConfig(new VariableReader({})), {
    guard: true,
    trustedProxies: [],
    proxyHeader: "x-forwarded-for",
    connectionsMax: 0,
    connectionsPerAddress: edgeLimits.perAddressMax,
  });
});

Deno.test("readEdgeConfig() reads networks, and tells of each variable that is wrong", () => {
  const good = new VariableReader({ TRUSTED_PROXIES: "10.0.0.0/8, ::1", GUARD: "off" });
  const config = readEdgeConfig(good);
  assert.deepEqual(config.trustedProxies.map(({ bits }) => bits), [8, 128]);
  assert.equal(config.guard, false);
  assert.deepEqual(good.faults, []);
  const bad = new VariableReader({
    TRUSTED_PROXIES: "10.0.0.0/8,proxy.example",
    PROXY_HEADER: "via",
    GUARD: "maybe",
    CONNECTIONS_MAX: "-1",
  });
  readEdgeConfig(bad);
  assert.deepEqual(
    bad.faults.map(({ variable }) => variable).sort(),
    ["CONNECTIONS_MAX", "GUARD", "PROXY_HEADER", "TRUSTED_PROXIES"],
  );
});
