/**
 * A short story of two players, interrupted on command at any call to log and store: its outcome must
 * always be that of a run without faults.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { GameTotals } from "../../../schema/queries/game_queries.ts";
import { limits } from "../../../schema/limits.ts";
import { type Fault, Faults } from "./faults.ts";
import { rawEvent, type Running, ShardWorld } from "./shard_world.ts";

/** What becomes of a call: it fails, or the whole process dies before or after its effect. */
export type Ending = Fault | "dead" | "deadAfter" | undefined;

const purchase = { event_type: "purchase", properties: { amount: 300, currency: "USD" } };
const event = (id: string, user: string, fields = {}) =>
  rawEvent({ event_id: id, user_id: user, ...fields });

const waves = [
  [event("a1", "ann"), event("a2", "ann", purchase), event("b1", "bob"), event("a1", "ann")],
  [event("b2", "bob", { game_id: "h" }), event("a3", "ann", { properties: { score: 9 } })],
  [event("a2", "ann", purchase), event("b3", "bob", { event_type: "session.end" })],
];
const afterSilence = [event("a4", "ann"), event("b1", "bob"), event("b4", "bob")];
/** All ids that the story sends, each once. */
export const ids: readonly string[] = ["a1", "a2", "a3", "a4", "b1", "b2", "b3", "b4"];

/** What must come out, however often it was interrupted. */
export interface Outcome {
  readonly players: readonly object[];
  readonly games: readonly (GameTotals | undefined)[];
  /** Event ids in the journal, sorted. */
  readonly journal: readonly string[];
  readonly timers: number;
}

/** One process after the other on the same log and store; each has a player and a game shard. */
export class Lives {
  readonly world = new ShardWorld();
  /** Calls that could fail so far, over all lives. */
  calls = 0;
  faultsSeen = 0;
  /** Names of the calls that were made, and of those that failed. */
  readonly names = new Set<string>();
  readonly failedNames: string[] = [];
  deaths = 0;
  readonly #all: Running[] = [];
  current: readonly Running[] = [];

  constructor(readonly failing: (call: number, name: string) => Ending) {}

  boot(): void {
    const faults = new Faults();
    let isDead = false;
    faults.onCall = (_call, name) => {
      if (isDead) return "dead";
      this.names.add(name);
      const fault = this.failing(this.calls++, name);
      if (fault === undefined) return undefined;
      this.faultsSeen++;
      this.failedNames.push(name);
      isDead = fault === "dead" || fault === "deadAfter";
      if (isDead) this.#dieSoon();
      return fault;
    };
    const { world } = this;
    const ports = { log: faults.log(world.log), store: faults.store(world.store) };
    this.current = [world.start(ports), world.startGame(ports)];
    this.#all.push(...this.current);
  }

  /** All loops of the process are gone, and another process starts. */
  #dieSoon(): void {
    this.deaths++;
    const dying = this.current;
    queueMicrotask(() => {
      for (const running of dying) running.kill.abort();
      this.boot();
    });
  }

  settled(): Promise<void> {
    return this.world.until(() => this.current.every((r) => this.world.isSettled(r)));
  }

  async stop(): Promise<void> {
    await this.world.until(() => {
      // Those, too, that come up because one died while it stopped.
      for (const running of this.#all) running.stop.abort();
      return this.current.every((running) => running.end !== undefined);
    });
  }

  get retakes(): number {
    return this.#all.reduce((sum, running) => sum + running.retaken.length, 0);
  }

  failed(): (string | Error)[] {
    return this.#all.map((r) => r.end).filter((end) => end !== undefined && end !== "returned");
  }
}

/** Longer than a shard waits before it looks for what its predecessor has left behind. */
const keeperMs = 6_000;

/** Tells the story. */
export async function play(lives: Lives): Promise<Outcome> {
  const { world } = lives;
  await world.clock.advance(1000);
  lives.boot();
  for (const wave of waves) {
    await world.send(...wave);
    await world.clock.advance(limits.gameCommitIntervalMs + 100);
  }
  await lives.settled();
  await world.clock.advance(keeperMs);
  await lives.stop();
  // Everybody falls silent while nobody watches.
  await world.clock.advance(limits.sessionSilenceMs + 1000);
  lives.boot();
  await world.clock.advance(2 * limits.timerPollMs);
  await world.send(...afterSilence);
  await lives.settled();
  const outcome = await outcomeOf(lives);
  await lives.stop();
  return outcome;
}

async function outcomeOf({ world, current }: Lives): Promise<Outcome> {
  const [players, games] = current;
  const profiles = await Promise.all(["ann", "bob"].map(async (user) => {
    // Positions and the moments of retries differ from run to run.
    const { version: _, stateHash: __, currentSession, engagementScore: ___, ...profile } =
      (await world.profile(players!, user))!;
    return { ...profile, currentSession: { ...currentSession, id: "" } };
  }));
  const totals = await Promise.all(["g", "h"].map((id) => world.totals(games!, id)));
  const rows = world.store.rows("player", 0).map((row) => JSON.parse(row.value));
  return {
    players: profiles,
    games: totals.map((t) => t && { ...t, eventsPerSecond: 0 }),
    journal: rows.filter((e) => e.event_type !== "$timer").map((e) => e.event_id).sort(),
    timers: (await world.store.dueTimers("player", 0, Infinity, 100)).length,
  };
}

/** The outcome of a run without faults. */
export const undisturbed = (): Promise<Outcome> => play(new Lives(() => undefined));

/**
 * Runs once for each call that `fault` has an ending for.
 *
 * @returns the runs
 * @throws {AssertionError} an outcome is another than `expected`
 */
export async function sweep(
  expected: Outcome,
  fault: (name: string) => Ending,
): Promise<Lives[]> {
  const runs: Lives[] = [];
  for (let n = 0;; n++) {
    let seen = 0;
    const lives = new Lives((_call, name) => {
      const ending = fault(name);
      return ending !== undefined && seen++ === n ? ending : undefined;
    });
    const outcome = await play(lives);
    if (lives.faultsSeen === 0) return runs;
    assert.deepEqual(outcome, expected, `fault at the call ${n} of its kind, ${lives.failedNames}`);
    runs.push(lives);
  }
}
