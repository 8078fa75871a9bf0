import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import {
  implicitEvent,
  MINUTE,
  noon,
  playerEvent,
  PlayerHarness,
  timerEvent,
  timersOf,
  today,
} from "../testing/player_harness.ts";
import { SessionList } from "./session_list.ts";
import { currentSession } from "./sessions.ts";

const silence = limits.sessionSilenceMs;
const end = () => playerEvent({ event_type: "session.end" });

Deno.test("a session opens with its first event and counts once", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(playerEvent(), noon + MINUTE);
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [1, 1]);
  assert.deepEqual(p.profile().currentSession, {
    id: "s",
    gameId: "g",
    startedAt: noon,
    lastEventAt: noon,
    events: 2,
  });
});

Deno.test("a session's timer is armed once, by its first event", () => {
  const p = new PlayerHarness();
  assert.deepEqual(timersOf(p.receive(playerEvent())), [noon + silence]);
  assert.deepEqual(timersOf(p.receive(playerEvent(), noon + MINUTE)), []);
  assert.deepEqual(timersOf(p.receive(playerEvent({ session_id: "t" }), noon + MINUTE)), []);
  assert.equal(p.state.timerDueAt, noon + silence);
});

Deno.test("a timer that finds a session not yet silent is armed again for the time left", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(playerEvent(), noon + 10 * MINUTE);
  assert.deepEqual(timersOf(p.fire()), [noon + 10 * MINUTE + silence]);
  assert.equal(p.sum("ccu"), 1);
  assert.deepEqual(timersOf(p.fire()), [null]);
  assert.equal(p.sum("ccu"), 0);
});

Deno.test("a timer is armed again for the session that falls silent first", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent({ session_id: "a" }));
  p.receive(playerEvent({ session_id: "b" }), noon + 20 * MINUTE);
  p.receive(playerEvent({ session_id: "c" }), noon + 10 * MINUTE);
  assert.deepEqual(timersOf(p.fire()), [noon + 10 * MINUTE + silence]);
  assert.equal(p.sum("ccu"), 2);
});

Deno.test("a session ends after 30 minutes of silence and not a millisecond before", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(playerEvent(), noon + silence - 1);
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [1, 1]);
  p.receive(playerEvent(), noon + 2 * silence - 1);
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [1, 2], "another one, of that id");
});

Deno.test("silence is measured on arrival, not on event time", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent({ timestamp: noon - 5 * 60 * MINUTE }));
  p.receive(playerEvent({ timestamp: noon }), noon + MINUTE);
  assert.equal(p.profile().sessionsTotal, 1);
  p.receive(playerEvent({ timestamp: noon }), noon + MINUTE + silence);
  assert.equal(p.profile().sessionsTotal, 2);
});

Deno.test("the timer closes a silent session and leaves nothing armed", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  assert.deepEqual(timersOf(p.fire()), [null]);
  assert.deepEqual([p.sum("ccu"), p.state.timerDueAt, p.state.sessions.length], [0, null, 0]);
  assert.equal(p.profile().currentSession, null);
  assert.deepEqual(timersOf(p.receive(playerEvent(), noon + 2 * silence)), [noon + 3 * silence]);
});

Deno.test("a timer that is not the armed one is ignored", () => {
  const p = new PlayerHarness();
  assert.equal(p.receive(timerEvent(noon)), undefined, "none is armed");
  p.receive(playerEvent());
  const before = p.hash;
  assert.equal(p.receive(timerEvent(noon + silence - 1), noon + silence), undefined);
  assert.equal(p.hash, before);
  const dueAt = p.state.timerDueAt!;
  p.fire();
  const after = p.hash;
  assert.equal(p.receive(timerEvent(dueAt), noon + 2 * silence), undefined, "it fired already");
  assert.equal(p.hash, after);
});

Deno.test("a timer event that names no time is ignored", () => {
  const p = new PlayerHarness();
  assert.equal(p.receive({ ...timerEvent(noon), properties: {} }), undefined);
});

Deno.test("a timer that arrives late closes all that has been silent by then", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent({ session_id: "a" }));
  p.receive(playerEvent({ session_id: "b" }), noon + 10 * MINUTE);
  assert.deepEqual(timersOf(p.fire(noon + 3 * silence)), [null]);
  assert.equal(p.sum("ccu"), 0);
});

Deno.test("a timer that the log stamped early still closes what was due", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  assert.deepEqual(timersOf(p.fire(noon + silence - 1000)), [null]);
  assert.equal(p.sum("ccu"), 0);
});

Deno.test("session.end closes the session, once", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(end());
  p.receive(end());
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [0, 1]);
  assert.equal(p.profile().currentSession, null);
});

Deno.test("session.end as the first event opens and closes", () => {
  const p = new PlayerHarness();
  assert.deepEqual(timersOf(p.receive(end())), [], "nothing is open, nothing to wait for");
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [0, 1]);
});

Deno.test("a late event neither reopens nor recounts an ended session", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(end());
  p.receive(playerEvent({ timestamp: noon + 5000 }), noon + 20 * MINUTE);
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [0, 1]);
  assert.equal(p.profile().playSeconds, 5, "its time counts");
  p.receive(playerEvent(), noon + 40 * MINUTE);
  assert.equal(p.sum("sessions", today), 1, "each late event keeps the id remembered");
  p.receive(playerEvent(), noon + 40 * MINUTE + silence);
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [1, 2]);
});

Deno.test("an ended session is forgotten after its silence, without a timer of its own", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(end(), noon + MINUTE);
  p.fire();
  assert.equal(p.state.sessions.length, 1, "its id is still remembered");
  assert.equal(p.state.timerDueAt, null);
  p.receive(playerEvent({ game_id: "h" }), noon + MINUTE + silence);
  assert.deepEqual(p.state.sessions.encode().map((s) => s.gameId), ["h"]);
});

Deno.test("sessions of other ids and of other games are their own", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(playerEvent({ session_id: "t" }));
  p.receive(playerEvent({ game_id: "h" }));
  assert.deepEqual([p.sum("ccu"), p.sum("ccu", undefined, "demo/h")], [2, 1]);
  p.receive(playerEvent({ game_id: "h", event_type: "session.end" }));
  assert.deepEqual([p.sum("ccu"), p.sum("ccu", undefined, "demo/h")], [2, 0]);
});

Deno.test("events that name no session form one per game, which session.end really ends", () => {
  const p = new PlayerHarness();
  p.receive(implicitEvent());
  p.receive(implicitEvent({ event_type: "session.end" }));
  assert.deepEqual([p.sum("ccu"), p.state.sessions.length], [0, 0]);
  p.receive(implicitEvent());
  assert.deepEqual([p.sum("ccu"), p.sum("sessions", today)], [1, 2]);
  p.receive(implicitEvent({ game_id: "h" }));
  assert.equal(p.sum("ccu", undefined, "demo/h"), 1);
});

Deno.test("an implicit session is named by where it started", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(implicitEvent());
  p.receive(implicitEvent());
  assert.equal(p.profile().currentSession!.id, "implicit:3:1");
});

Deno.test("a session's time is its last less its first event time, whatever the order", () => {
  const p = new PlayerHarness();
  for (const s of [0, 10, 5, -20, 3]) p.receive(playerEvent({ timestamp: noon + s * 1000 }));
  assert.equal(p.profile().playSeconds, 30);
  const { startedAt, lastEventAt } = p.profile().currentSession!;
  assert.deepEqual([startedAt, lastEventAt], [noon - 20_000, noon + 10_000]);
});

Deno.test("a session counts on the day of its first applied event", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent({ timestamp: noon + 86_400_000 }));
  p.receive(playerEvent());
  assert.deepEqual([p.sum("sessions", today), p.sum("sessions", today + 1)], [0, 1]);
});

Deno.test("at most 64 sessions are remembered; ended ones make room first", () => {
  const p = new PlayerHarness();
  for (let i = 0; i < 64; i++) p.receive(playerEvent({ session_id: `s${i}` }), noon + i);
  p.receive(playerEvent({ session_id: "s40", event_type: "session.end" }), noon + 100);
  assert.equal(p.sum("ccu"), 63);
  p.receive(playerEvent({ session_id: "new1" }), noon + 101);
  const ids = () => p.state.sessions.encode().map((s) => s.id);
  assert.equal(ids().length, 64);
  assert.ok(!ids().includes("s40") && ids().includes("s0"));
  assert.equal(p.sum("ccu"), 64);
  p.receive(playerEvent({ session_id: "new2" }), noon + 102);
  assert.equal(ids().length, 64);
  assert.ok(!ids().includes("s0") && ids().includes("s1"), "then the longest silent");
  assert.equal(p.sum("ccu"), 64, "the evicted one was closed");
});

Deno.test("the current session is the open one heard of last, in the game if one is asked for", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent({ session_id: "a" }));
  p.receive(playerEvent({ session_id: "b", game_id: "h" }), noon + 1);
  assert.equal(p.profile().currentSession!.id, "b");
  assert.equal(p.profile("g").currentSession!.id, "a");
  p.receive(playerEvent({ session_id: "a" }), noon + 2);
  assert.equal(p.profile().currentSession!.id, "a");
  p.receive(playerEvent({ session_id: "a", event_type: "session.end" }), noon + 3);
  assert.equal(p.profile().currentSession!.id, "b");
  assert.equal(p.profile("g").currentSession, null);
});

Deno.test("currentSession() takes the last of those heard of at the same time, of whichever part", () => {
  const partOf = (...ids: string[]) => ({
    sessions: SessionList.decode(ids.map((id) => ({
      id,
      gameId: "g",
      open: id !== "ended",
      startedAtPosition: "",
      firstAt: noon,
      lastAt: noon,
      lastArrival: id === "older" ? noon - 1 : noon,
      events: 1,
    }))),
  });
  const parts = [partOf("a", "b", "older"), partOf("c", "d", "ended"), partOf("older"), partOf()];
  assert.equal(currentSession(parts)?.id, "d");
  assert.equal(currentSession(parts, "h"), undefined);
});
