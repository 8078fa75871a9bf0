import assert from "node:assert/strict";
import { Peers } from "./peers.ts";

Deno.test("Peers tells whose connection it is, for as long as it lasts", () => {
  const peers = new Peers();
  const forget = peers.add(5, { hostname: "a", port: 1 });
  assert.deepEqual(peers.of(5), { hostname: "a", port: 1 });
  assert.equal(peers.of(6), undefined);
  forget();
  assert.equal(peers.of(5), undefined);
  forget();
});

Deno.test("Peers keeps who came from the same port before the end of the other was known", () => {
  const peers = new Peers();
  const client = { hostname: "a", port: 1 };
  const forgetFirst = peers.add(5, client);
  const forgetSecond = peers.add(5, client);
  forgetFirst();
  assert.equal(peers.of(5), client);
  forgetSecond();
  assert.equal(peers.of(5), undefined);
});
