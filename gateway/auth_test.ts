import assert from "node:assert/strict";
import { principalOf } from "../schema/principal.ts";
import {
  anyOfKeys,
  authenticate,
  defaultGameOf,
  demoKeys,
  type Keys,
  resolveToken,
} from "./auth.ts";

const keys = demoKeys("gm_secret");

Deno.test("authenticate() takes the key as bearer token or X-Api-Key", async () => {
  const sent: Record<string, string>[] = [
    { authorization: "Bearer gm_secret" },
    { authorization: "bearer  gm_secret " },
    { "x-api-key": "gm_secret" },
    { authorization: "Basic Zm9v", "x-api-key": "gm_secret" },
  ];
  for (const headers of sent) {
    const found = await authenticate(keys, new Headers(headers));
    assert.equal(found?.studio, "demo", JSON.stringify(headers));
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
  const never: Keys = {
    resolve: () => {
      throw new Error("asked");
    },
    hmac: () => undefined,
  };
  assert.equal(resolveToken(never, "x".repeat(5000)), undefined);
});

Deno.test("demoKeys() refuses an empty key, which every empty token would match", () => {
  assert.throws(() => demoKeys(""), RangeError);
});

Deno.test("defaultGameOf() is the only game of a key", () => {
  const of = (games: "*" | Set<string>) =>
    defaultGameOf({ ...principalOf({ id: "k", role: "writer", studio: "s" }), games });
  assert.equal(of(new Set(["g"])), "g");
  assert.equal(of(new Set(["g", "h"])), undefined);
  assert.equal(of("*"), undefined);
});

Deno.test("anyOfKeys() asks one set after the other, those that take their time too", async () => {
  const of = (token: string, isLater: boolean): Keys => {
    const principal = principalOf({ id: token, role: "reader", studio: "s" });
    const find = (given: string) => given === token ? principal : undefined;
    return {
      resolve: (given) => isLater ? Promise.resolve(find(given)) : find(given),
      hmac: (id) => id === token ? { principal, secrets: ["x"] } : undefined,
    };
  };
  const all = anyOfKeys([of("a", false), of("b", true), of("c", false)]);
  const idOf = async (token: string) => (await all.resolve(token))?.id;
  assert.deepEqual(await Promise.all(["a", "b", "c", "d"].map(idOf)), ["a", "b", "c", undefined]);
  assert.equal(all.resolve("a") instanceof Promise, false);
  assert.equal(all.hmac("c")?.principal.id, "c");
  assert.equal(all.hmac("d"), undefined);
});
