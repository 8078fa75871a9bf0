/**
 * What must hold after a simulated run, whatever happened in it.
 *
 * @module
 */
import type { PlayerEvent } from "../../schema/event.ts";
import { isInternal } from "../../schema/event.ts";
import { partitionOf } from "../../schema/partition.ts";
import type { DayMetrics, GameTotals } from "../../schema/queries/game_queries.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import { DAY_MS } from "../../schema/limits.ts";
import { differences } from "../verify/figures.ts";
import { type ModelEvent, ReferenceModel } from "../verify/reference_model.ts";
import { studio } from "./workload.ts";
import type { World } from "./world.ts";

/** All events of the journal, in the order their partitions hold them. */
function journal(world: World): ModelEvent[] {
  const { partitions } = world.topics["player.events.raw"];
  return Array.from({ length: partitions }, (_, partition) => {
    return world.store.rows("player", partition).map((row) => {
      const event = JSON.parse(row.value) as PlayerEvent;
      return { ...event, received_at: row.receivedAt };
    });
  }).flat().filter((event) => !isInternal(event));
}

function checkIds(world: World, events: readonly ModelEvent[]): string[] {
  const counts = new Map<string, number>();
  for (const { user_id, event_id } of events) {
    const id = `${user_id} ${event_id}`;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const faults: string[] = [];
  for (const [id, count] of counts) {
    if (count > 1) faults.push(`${id} was applied ${count} times`);
    if (!world.acked.has(id) && !world.unknown.has(id)) faults.push(`${id} was never sent`);
  }
  for (const id of world.acked.keys()) {
    if (!counts.has(id)) faults.push(`${id} was acknowledged and is lost`);
  }
  return faults;
}

function checkOrder(world: World): string[] {
  const faults: string[] = [];
  for (let partition = 0; partition < world.topics["player.events.raw"].partitions; partition++) {
    let last = -1;
    for (const { offset } of world.store.rows("player", partition)) {
      if (offset <= last) faults.push(`journal ${partition} goes from offset ${last} to ${offset}`);
      last = offset;
    }
  }
  return faults;
}

/** Asks an actor of the healed world. */
async function ask<T>(world: World, kind: "player" | "game", name: string, query: unknown) {
  const topic = kind === "player" ? "player.events.raw" : "game.deltas";
  const id = `${studio}/${name}`;
  const partition = partitionOf(id, world.topics[topic].partitions);
  const shard = world.shards.find((s) =>
    s.options.stage.name === kind && s.options.partition === partition
  );
  let answer: { readonly value: unknown } | undefined;
  shard!.ask(id, query, world.clock.now()).then(
    (value) => answer = { value },
    () => answer = { value: undefined },
  );
  await world.clock.runUntil(() => answer !== undefined, 5_000);
  return answer?.value as T | undefined;
}

async function checkPlayers(world: World, model: ReferenceModel): Promise<string[]> {
  const faults: string[] = [];
  for (const userId of model.playerIds()) {
    const expected = model.player(userId)!;
    const actual = await ask<PlayerProfile>(world, "player", userId, { type: "profile" });
    const figures = actual === undefined ? undefined : {
      events: actual.eventsTotal,
      sessions: actual.sessionsTotal,
      event_counts: actual.eventCounts,
      revenue: actual.revenueMinor,
      level: actual.level,
      first_seen: actual.firstSeen,
      last_seen: actual.lastSeen,
      play_ms: Math.round(actual.playSeconds * 1000),
    };
    for (const { path, expected: e, actual: a } of differences(expected, figures)) {
      faults.push(`player ${userId} ${path}: expected ${e}, is ${a}`);
    }
  }
  return faults;
}

async function checkGames(world: World, model: ReferenceModel): Promise<string[]> {
  const faults: string[] = [];
  const today = Math.floor(world.clock.now() / DAY_MS);
  for (const gameId of model.gameIds()) {
    const expected = model.game(gameId)!;
    const totals = await ask<GameTotals>(world, "game", gameId, { type: "totals" });
    const query = { type: "days", from: today - 40, to: today + 40 };
    const days = await ask<DayMetrics[]>(world, "game", gameId, query);
    const figures = totals === undefined || days === undefined ? undefined : {
      events: totals.eventsTotal,
      event_counts: totals.eventCounts,
      revenue: totals.revenueMinor,
      days: Object.fromEntries(days.map((d) => [
        new Date(d.day * DAY_MS).toISOString().slice(0, 10),
        {
          events: d.events,
          dau: d.dau,
          wau: d.wau,
          mau: d.mau,
          new_players: d.newPlayers,
          sessions: d.sessions,
          payers: d.payers,
          revenue: d.revenueMinor,
        },
      ])),
    };
    for (const { path, expected: e, actual: a } of differences(expected, figures)) {
      faults.push(`game ${gameId} ${path}: expected ${e}, is ${a}`);
    }
    // A session whose silence has just ended may wait for its timer a moment longer.
    const ccu = model.ccu(gameId, world.clock.now());
    const before = model.ccu(gameId, world.clock.now() - 5_000);
    if (totals?.ccu !== ccu && totals?.ccu !== before) {
      faults.push(`game ${gameId} ccu: expected ${ccu}, is ${totals?.ccu}`);
    }
  }
  return faults;
}

/**
 * Each id is in the end who the store says; who it is holds it as an alias, and nobody else does. Counts
 * what was really linked.
 */
async function checkAliases(world: World, ids: readonly string[]): Promise<string[]> {
  const faults: string[] = [];
  const rows = new Map(world.store.aliases().map(({ aliasId, userId }) => [aliasId, userId!]));
  const profiles = new Map<string, PlayerProfile>();
  for (const id of new Set([...ids, ...rows.keys(), ...rows.values()])) {
    const profile = await ask<PlayerProfile>(world, "player", id, { type: "profile" });
    if (profile === undefined) faults.push(`player ${id} does not answer`);
    else profiles.set(id, profile);
  }
  for (const [id, { aliases = [] }] of profiles) {
    let last = id;
    for (let hops = 0; hops < 20; hops++) last = profiles.get(last)?.mergedInto ?? last;
    const row = rows.get(id) ?? id;
    if (row !== last) faults.push(`${id} is ${last}, and ${row} in the store`);
    const expected = [...rows].filter(([, player]) => player === id).map(([alias]) => alias).sort();
    if (expected.join() !== aliases.join()) {
      faults.push(`${id} has the aliases ${aliases.join()}, and ${expected.join()} in the store`);
    }
  }
  return faults;
}

/** Everything that is wrong with a run; empty when it is right. */
export async function violations(world: World): Promise<string[]> {
  const events = journal(world);
  const model = new ReferenceModel();
  for (const event of events) model.apply(event);
  const ids = model.playerIds();
  for (const { aliasId, userId } of world.store.aliases()) model.link(aliasId, userId!);
  return [
    ...(world.converged ? [] : ["did not converge after the faults ended"]),
    ...checkIds(world, events),
    ...checkOrder(world),
    ...await checkAliases(world, ids),
    ...await checkPlayers(world, model),
    ...await checkGames(world, model),
  ];
}
