/**
 * Stored snapshots and journals outlive the code that wrote them, and a shard's hash is held against its
 * rows after each take-over. So random histories must give the very texts that they gave before: of each
 * history `testdata/player_texts.json` has a fingerprint over all effects, snapshots and some answers, in
 * order. An entry changes only with the version of the behaviour.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { PlayerEvent } from "../../schema/event.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import { MINUTE } from "../testing/player_harness.ts";
import { PlayerRouter } from "../testing/player_router.ts";
import { player } from "./player.ts";
import { decodePlayer, encodePlayer, type PlayerState } from "./player_state.ts";
import fingerprints from "./testdata/player_texts.json" with { type: "json" };

/** Whole numbers from 0 up to but not including `below`. */
type Chance = (below: number) => number;

/** No library's, whose next version might draw others. Source: Marsaglia, "Xorshift RNGs", 2003. */
function chanceOf(seed: number): Chance {
  let x = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

/** How the players of a history play. */
interface Manner {
  readonly users: string;
  readonly steps: number;
  /** How many names of sessions there are. */
  readonly sessions: number;
  readonly gapMsMax: number;
  /** After one of how many steps nothing comes for long. */
  readonly pauseEvery: number;
}

const manners: readonly Manner[] = [
  { users: "a", steps: 80, sessions: 4, gapMsMax: 5 * MINUTE, pauseEvery: 20 },
  { users: "a", steps: 100, sessions: 40, gapMsMax: MINUTE, pauseEvery: 40 },
  { users: "ab", steps: 60, sessions: 3, gapMsMax: 4 * MINUTE, pauseEvery: 20 },
  { users: "abcd", steps: 100, sessions: 8, gapMsMax: 2 * MINUTE, pauseEvery: 20 },
  // More sessions than are remembered.
  { users: "a", steps: 160, sessions: 400, gapMsMax: 15_000, pauseEvery: 200 },
  { users: "ab", steps: 300, sessions: 400, gapMsMax: 5_000, pauseEvery: 100 },
];

const games = ["g", "h", "dungeon-of-the-long-name"];
const types = ["level.start", "purchase", "custom", "session.start", "session.end"];

/** Who is told what, and what comes of it. */
class Recorder {
  readonly #players = new Map<string, PlayerState>();
  #offset = 0;
  fingerprint = "";
  /** The most sessions that a snapshot held. */
  sessionsMax = 0;
  /** Snapshots with something to do with others, and with a session that fell silent as an alias'. */
  merged = 0;
  silent = 0;

  /** @param passivates goes on with what is read from the snapshot */
  receive(event: PlayerEvent, now: number, passivates: boolean): void {
    const actorId = `demo/${event.user_id}`;
    const state = this.#players.get(actorId) ?? player.create(actorId);
    const ctx = { actorId, now, partition: 3, offset: ++this.#offset };
    const effects = player.receive(state, JSON.parse(JSON.stringify(event)), ctx);
    const text = encodePlayer(state);
    this.#players.set(actorId, passivates ? decodePlayer(text) : state);
    const told = [effects, this.#offset % 4 === 0 ? this.#ask(state, actorId, now) : []];
    this.fingerprint = fingerprintHex(`${this.fingerprint} ${JSON.stringify(told)} ${text}`);
    this.#look(text);
  }

  #ask(state: PlayerState, actorId: string, now: number): PlayerProfile[] {
    const ctx = { actorId, now, version: `3:${this.#offset}` };
    const queries = [{ type: "profile" as const }, { type: "profile" as const, gameId: "g" }];
    return queries.map((query) => player.ask(state, query, ctx));
  }

  #look(text: string): void {
    const { sessions } = JSON.parse(text) as { sessions: unknown[] };
    this.sessionsMax = Math.max(this.sessionsMax, sessions.length);
    if (text.includes('"merge":')) this.merged++;
    if (text.includes('"silent":true')) this.silent++;
  }
}

function anEvent(chance: Chance, router: PlayerRouter, { users, sessions }: Manner) {
  const { session_id: _, ...event } = {
    user_id: users[chance(users.length)]!,
    event_id: `e${chance(2000)}`,
    event_type: types[chance(chance(3) === 0 ? 5 : 4)]!,
    game_id: games[chance(chance(2) + 2)]!,
    timestamp: router.now - chance(chance(8) === 0 ? 3 * 86_400_000 : MINUTE),
    properties: { amount: chance(500), currency: "USD", score: chance(100), level: chance(9) },
    session_id: undefined,
  };
  const name = chance(sessions + 1);
  return { ...event, session_id: name === 0 ? "" : `session-${name}` };
}

/** One random history. */
function history(seed: number): Recorder {
  const chance = chanceOf(seed);
  const manner = manners[seed % manners.length]!;
  const { users, steps, gapMsMax, pauseEvery } = manner;
  const recorder = new Recorder();
  const router = new PlayerRouter();
  const receive = router.receive.bind(router);
  router.receive = (event) => {
    recorder.receive(event, router.now, chance(5) === 0);
    return receive(event);
  };
  for (let step = 0; step < steps; step++) {
    router.pass(chance(chance(pauseEvery) === 0 ? 40 * MINUTE : gapMsMax));
    // A new node's clock may be behind.
    if (chance(15) === 0) router.now -= chance(3 * MINUTE);
    const [one, other] = [users[chance(users.length)]!, users[chance(users.length)]!];
    const kind = chance(12);
    if (kind === 0 && users.length > 1) router.link(one, other);
    else if (kind === 1 && users.length > 1) router.unlink(one, other);
    else if (kind < 5) { for (let i = chance(6); i > 0; i--) router.deliver(chance(9)); }
    else router.event(anEvent(chance, router, manner));
  }
  router.settle();
  router.pass(2 * limits.sessionSilenceMs);
  return recorder;
}

Deno.test("random histories give the effects and the snapshots that they always gave", () => {
  const histories = fingerprints.map((_, seed) => history(seed));
  const changed = histories.flatMap((one, seed) =>
    one.fingerprint === fingerprints[seed] ? [] : [seed]
  );
  assert.deepEqual(changed, []);
  const count = (of: (one: Recorder) => boolean) => histories.filter(of).length;
  assert.ok(count(({ sessionsMax }) => sessionsMax === limits.sessionsRememberedMax) >= 40);
  assert.ok(count(({ merged }) => merged >= 20) >= 100);
  assert.ok(count(({ silent }) => silent > 0) >= 80);
});
