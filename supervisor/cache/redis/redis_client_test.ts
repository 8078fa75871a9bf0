import assert from "node:assert/strict";
import { redisAddress } from "./redis_client.ts";

Deno.test("redisAddress() reads user, place and whom to trust", () => {
  const address = redisAddress("rediss://gm:p%40s@[::1]:16379/2?ca=/etc/ca.pem&prefix=x:");
  assert.deepEqual(address, {
    host: "::1",
    port: 16_379,
    username: "gm",
    password: "p@s",
    db: 2,
    tls: true,
    caFile: "/etc/ca.pem",
    cluster: false,
    prefix: "x:",
  });
});

Deno.test("redisAddress() has the usual port, no user and no TLS when nothing is said", () => {
  const { host, port, username, tls, caFile } = redisAddress("redis://cache.example");
  assert.deepEqual([host, port, username, tls, caFile], [
    "cache.example",
    6379,
    undefined,
    false,
    undefined,
  ]);
});
