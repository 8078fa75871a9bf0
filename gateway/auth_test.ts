import assert from "node:assert/strict";
import { authenticate, defaultGameOf, demoKeys, type Principal, resolveToken } from "./auth.ts";

const keys = demoKeys("gm_secret");

Deno.test("authenticate() takes the key as bearer token or X-Api-Key", () => {
  const sent: Record<string, string>[] = [
    { authorization: "Bearer gm_secret" },
    { authorization: "bearer  gm_secret " },
    { "x-api-key": "gm_secret" },
    { authorization: "Basic Zm9v", "x-api-key": "gm_secret" },
  ];
  for (const headers of sent) {
    assert.equal(authenticate(keys, new Headers(headers))?.studio, "demo", JSON.stringify(headers));
  }
});

Deno.test("authenticate() refuses everything else", () => {
  const sent: Record<string, string>[] = [
    {},
    { authorization: "gm_secret" },
    { authorization: "Bearer" },
    { authorization: "Bearer gm_secret extra" },
    { authorization: "Bearer gm_Secret" },
    { authorization: "Bearer wrong", "x-api-key": "gm_secret" },
    { "x-api-key": "" },
    { "x-api-key": "gm_secre" },
    { "x-api-key": "gm_secrets" },
  ];
  for (const headers of sent) {
    assert.equal(authenticate(keys, new Headers(headers)), undefined, JSON.stringify(headers));
  }
});

Deno.test("resolveToken() refuses overlong tokens without asking the keys", () => {
  const never = {
    resolve: (): Principal => {
      throw new Error("asked");
    },
  };
  assert.equal(resolveToken(never, "x".repeat(5000)), undefined);
});

Deno.test("demoKeys() refuses an empty key, which every empty token would match", () => {
  assert.throws(() => demoKeys(""), RangeError);
});

Deno.test("defaultGameOf() is the only game of a key", () => {
  const of = (games: "*" | Set<string>) =>
    defaultGameOf({ studio: "s", games, read: false, write: true, createGames: false });
  assert.equal(of(new Set(["g"])), "g");
  assert.equal(of(new Set(["g", "h"])), undefined);
  assert.equal(of("*"), undefined);
});
