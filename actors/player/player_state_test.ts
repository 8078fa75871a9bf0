import assert from "node:assert/strict";
import { newPlayerGame } from "./player_part.ts";
import { decodePlayer, encodePlayer, newPlayer } from "./player_state.ts";

function encoded(): Record<string, unknown> {
  const player = newPlayer();
  player.ring.add("e");
  player.games.set("g", newPlayerGame(20_000, 5, 7));
  return JSON.parse(encodePlayer(player));
}

Deno.test("decodePlayer() gives the player that was encoded", () => {
  const text = JSON.stringify(encoded());
  assert.equal(encodePlayer(decodePlayer(text)), text);
});

Deno.test("decodePlayer() throws at each part that is missing or of another kind", () => {
  for (const key of Object.keys(encoded())) {
    for (const value of [undefined, {}, "not so", 7.5]) {
      if (key === "timerDueAt" && value === 7.5) continue;
      const text = JSON.stringify({ ...encoded(), [key]: value });
      assert.throws(() => decodePlayer(text), Error, `${key}: ${JSON.stringify(value)}`);
    }
  }
  const [[, game]] = encoded()["games"] as [[string, Record<string, unknown>]];
  for (const key of ["events", "cohort", "activeDays"]) {
    const text = JSON.stringify({ ...encoded(), games: [["g", { ...game, [key]: undefined }]] });
    assert.throws(() => decodePlayer(text), Error, key);
  }
});

Deno.test("decodePlayer() throws at a ring of half an entry, or of too many", () => {
  for (const bytes of [9, 1025 * 8]) {
    const ring = new Uint8Array(bytes).toBase64();
    assert.throws(
      () => decodePlayer(JSON.stringify({ ...encoded(), ring })),
      /Cannot decode a ring/,
    );
  }
});
