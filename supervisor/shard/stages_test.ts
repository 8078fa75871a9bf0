import assert from "node:assert/strict";
import { game } from "../../actors/game/game.ts";
import { player } from "../../actors/player/player.ts";
import { playerIn, rawEvent } from "./testing/shard_world.ts";
import { gameStage, playerStage, standardStages } from "./stages.ts";

const record = (value: string) => ({ offset: 5, timestamp: 9, key: playerIn(value), value });

Deno.test("standardStages() has each stage under its name, with its behaviour and topic", () => {
  const { player: players, game: games } = standardStages();
  assert.deepEqual([players.name, players.topic, players.behaviour], [
    "player",
    "player.events.raw",
    player,
  ]);
  assert.deepEqual([games.name, games.topic, games.behaviour], ["game", "game.deltas", game]);
});

Deno.test("playerStage().decode() addresses an event to its player, and replay() reads it back", () => {
  const event = rawEvent({ user_id: "a/b" });
  const stage = playerStage();
  const { messages, source } = stage.decode(record(JSON.stringify(event)));
  assert.deepEqual(messages, [{ actorId: "demo/a/b", message: event }]);
  assert.equal(source, undefined);
  const stored = { offset: 5, receivedAt: 9, value: JSON.stringify(event) };
  assert.deepEqual(stage.replay(stored), event);
});

Deno.test("playerStage().decode() throws at what is no event, whoever wrote it", () => {
  const { event_type: _, ...untyped } = rawEvent();
  const values = ["", "{", "null", "7", "[]", "{}", '"text"', JSON.stringify(untyped)];
  values.push(JSON.stringify({ ...rawEvent(), user_id: 7 }));
  values.push(JSON.stringify({ ...rawEvent(), studio: null }));
  for (const value of values) {
    assert.throws(() => playerStage().decode(record(value)), Error, value);
  }
});

Deno.test("playerStage().decode() throws at what the journal could not hold, and at nothing else", () => {
  const decode = (change: Record<string, unknown>) =>
    playerStage().decode(record(JSON.stringify({ ...rawEvent(), ...change })));
  const control = "\u001f";
  for (const name of ["studio", "user_id", "game_id", "event_id", "event_type", "session_id"]) {
    for (const id of [7, null, `a${control}b`, "a\0"]) {
      assert.throws(() => decode({ [name]: id }), SyntaxError, `${name} ${JSON.stringify(id)}`);
    }
  }
  assert.throws(() => decode({ session_id: "" }), SyntaxError);
  for (const timestamp of [null, "5", 0.5]) {
    assert.throws(() => decode({ timestamp }), SyntaxError, `${timestamp}`);
  }
  for (const name of ["properties", "context"]) {
    for (const value of [null, [], 7, "{}", { a: "\0" }]) {
      assert.throws(() => decode({ [name]: value }), SyntaxError, JSON.stringify(value));
    }
    assert.equal(decode({ [name]: { a: control, b: "\\u001f" } }).messages.length, 1);
  }
  assert.equal(decode({ user_id: "\\u001f", session_id: undefined }).messages.length, 1);
});

Deno.test("playerStage().decode() throws at an event of another player than its record is keyed by", () => {
  const value = JSON.stringify(rawEvent({ user_id: "bob" }));
  assert.equal(playerStage().decode({ ...record(value), key: "demo/bob" }).messages.length, 1);
  for (const key of ["demo/ann", "other/bob", "bob", ""]) {
    assert.throws(() => playerStage().decode({ ...record(value), key }), /key is not the player/);
  }
});

Deno.test("gameStage().decode() addresses each game of a record, which has a source and a position", () => {
  const delta = (n: number) => ({ totals: { ccu: n }, days: {}, scores: {} });
  const value = JSON.stringify({
    source: "player/3",
    position: [120, 1],
    at: 77,
    games: { "demo/g": delta(1), "demo/__proto__": delta(2) },
  });
  assert.deepEqual(gameStage().decode(record(value)), {
    messages: [
      { actorId: "demo/g", message: { at: 77, delta: delta(1) } },
      { actorId: "demo/__proto__", message: { at: 77, delta: delta(2) } },
    ],
    source: { name: "player/3", position: [120, 1] },
  });
});

Deno.test("gameStage().decode() throws at what is no fold", () => {
  for (const value of ["{", "null", "{}", '{"source":"x","position":[1,0]}']) {
    assert.throws(() => gameStage().decode(record(value)), Error, value);
  }
});

Deno.test("gameStage().replay() throws, as games keep no journal", () => {
  assert.throws(() => gameStage().replay({ offset: 0, receivedAt: 0, value: "{}" }), TypeError);
});
