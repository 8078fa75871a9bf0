import assert from "node:assert/strict";
import { uuidV7Maker } from "./uuid_v7.ts";

Deno.test("uuidV7Maker() writes the time, version and variant where RFC 9562 puts them", () => {
  const ms = Date.UTC(2026, 0, 1);
  const id = uuidV7Maker(() => ms)();
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(parseInt(id.replaceAll("-", "").slice(0, 12), 16), ms);
});

Deno.test("uuidV7Maker() ascends strictly within a millisecond and when the clock steps back", () => {
  let ms = Date.UTC(2026, 0, 1);
  const newId = uuidV7Maker(() => ms);
  let last = "";
  for (let i = 0; i < 20_000; i++) {
    if (i === 10_000) ms -= 60_000;
    const id = newId();
    assert.ok(id > last, `${id} after ${last}`);
    last = id;
  }
});

Deno.test("uuidV7Maker() draws fresh random bytes for each id", () => {
  const tails = new Set<string>();
  const newId = uuidV7Maker(() => 0);
  for (let i = 0; i < 2000; i++) tails.add(newId().slice(-12));
  assert.equal(tails.size, 2000);
});
