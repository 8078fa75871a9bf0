/**
 * Drill 19: snapshots are damaged while nothing runs: cut short, one bit flipped, of another version.
 * Each must be noticed and its player rebuilt from the journal, with the very state it would have had;
 * each gets a good snapshot again. A game has no journal: one whose snapshot is damaged stands still,
 * and says so, while all others go on.
 *
 * @module
 */
import { join } from "node:path";
import postgres from "postgres";
import { fingerprintHex } from "../../../schema/hash.ts";
import { startEmbeddedPostgres } from "../../../supervisor/store/embedded_postgres.ts";
import { Random } from "../../load/generator/random.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Admin } from "../platform/admin.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import { actorIds, gameHashes, playerHashes, requireSame } from "../platform/state_hashes.ts";

const trustingPlayer = new URL("../fixtures/trusting_player.ts", import.meta.url);

interface Snapshot {
  readonly body: string;
  readonly checksum: string;
  readonly version: number;
}

/** Flips one bit of one character, so that the store still takes it for text. */
function flip(body: string, random: Random): string {
  for (;;) {
    const at = random.below(body.length);
    const code = body.charCodeAt(at) ^ (1 << random.below(7));
    if (body.charCodeAt(at) > 127 || code === 0) continue;
    return body.slice(0, at) + String.fromCharCode(code) + body.slice(at + 1);
  }
}

/** A state as some other code might have written it: whole, with a checksum that fits, and wrong. */
function ofVersion(version: number, body: string): Snapshot {
  const other = body.replace(/"events":(\d+)/, (_, n) => `"events":${Number(n) + 1}`);
  return { body: other, checksum: fingerprintHex(other), version };
}

/** The versions from 1 on have an upcaster each. */
const unliftable = 0;

/** By the reason for which the platform must refuse it. */
const damages: readonly [string, (snapshot: Snapshot, random: Random) => Snapshot][] = [
  ["checksum", (s, random) => ({ ...s, body: s.body.slice(0, random.below(s.body.length)) })],
  ["checksum", (s, random) => ({ ...s, body: flip(s.body, random) })],
  ["older_version", ({ body }) => ofVersion(unliftable, body)],
  ["newer_version", ({ body, version }) => ofVersion(version + 1, body)],
];

/** Runs while no platform does. */
async function offline<T>(dataDir: string, run: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const server = await startEmbeddedPostgres({ dataDir });
  const sql = postgres(server.url, { max: 1 });
  try {
    return await run(sql);
  } finally {
    await sql.end();
    await server.stop();
  }
}

/** Damages four snapshots in five, each kind alike, and one game's. @returns how many, by reason */
async function damage(ctx: OwnContext, sql: postgres.Sql, game: string) {
  const random = new Random(ctx.seed);
  const counts: Record<string, number> = {};
  const rows = await sql<(Snapshot & { actor_id: string })[]>`
    select actor_id, body, checksum, version from snapshot where stage = 'player' order by 1`;
  for (const [i, row] of rows.entries()) {
    const kind = damages[i % (damages.length + 1)];
    if (kind === undefined) continue;
    const [reason, change] = kind;
    const { body, checksum, version } = change(row, random);
    await sql`update snapshot set body = ${body}, checksum = ${checksum}, version = ${version}
      where stage = 'player' and actor_id = ${row.actor_id}`;
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  const [totals] = await sql<{ body: string }[]>`
    select body from snapshot where stage = 'game' and actor_id = ${game} and part = ''`;
  await sql`update snapshot set body = ${flip(totals!.body, random)}
    where stage = 'game' and actor_id = ${game} and part = ''`;
  return { counts, snapshots: rows.length };
}

/** Snapshots of players that are not what the code would accept. */
async function badSnapshots(sql: postgres.Sql): Promise<number> {
  const rows = await sql<Snapshot[]>`
    select body, checksum, version from snapshot where stage = 'player'`;
  const version = Math.min(...rows.map((row) => row.version));
  const isBad = (row: Snapshot) =>
    row.version !== version || row.checksum !== fingerprintHex(row.body);
  return rows.filter(isBad).length;
}

/** The counter of rebuilt players, by reason. */
async function rebuilt(site: Site): Promise<Record<string, number>> {
  const text = await (await fetch(new URL("/metrics", site.adminUrl))).text();
  const counts: Record<string, number> = {};
  const series = /^gamemetrics_snapshots_rebuilt_total\{([^}]*)\} (\d+)/gm;
  for (const [, labels, count] of text.matchAll(series)) {
    const reason = /reason="(\w+)"/.exec(labels!)![1]!;
    counts[reason] = (counts[reason] ?? 0) + Number(count);
  }
  return counts;
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((a, b) => a + b, 0);

/** The game that cannot be restored says so, and only that one. */
async function checkGame(findings: Findings, site: Site, platform: PlatformProcess, game: string) {
  const admin = new Admin(site);
  const answer = await admin.actor("game", game).then(() => "an answer", (error) => String(error));
  findings.require(/ 503: .*actor_halted.*checksum/s.test(answer), `${game} is halted: ${answer}`);
  const text = await (await fetch(new URL("/metrics", site.adminUrl))).text();
  const halted = [...text.matchAll(/^gamemetrics_actors_halted\{[^}]*\} (\d+)/gm)]
    .reduce((total, [, count]) => total + Number(count), 0);
  findings.count("halted", halted);
  findings.require(halted === 1, `one actor is halted: ${halted}`);
  findings.require((await platform.get("/health/ready")).status === 200, "the platform is ready");
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const site = new Site(join(ctx.dir, "site"));
  const events = ctx.quick ? 20_000 : 200_000;
  try {
    const first = site.start();
    const { store_url } = await first.ready();
    const load = startLoad(site, { seed: ctx.seed, events, seconds: 0, dir: ctx.dir });
    requireLoaded(findings, await load.done, events * 0.9);
    await verify(ctx, site, findings, { storeUrl: store_url, ...load.files });
    const sql = postgres(store_url, { max: 1 });
    const users = await actorIds(sql, "user_id");
    const games = await actorIds(sql, "game_id");
    await sql.end();
    // The states as they were made: nothing of them was ever restored.
    const players = await playerHashes(site, users);
    const totals = await gameHashes(site, games);
    await first.drain();

    const [lost, ...others] = games;
    const done = await offline(site.dataDir, (sql) => damage(ctx, sql, `demo/${lost}`));
    const damaged = sum(done.counts);
    findings.count("snapshots", done.snapshots);
    findings.count("damaged", damaged);
    findings.require(done.snapshots >= users.length, `each has a snapshot: ${done.snapshots}`);
    findings.require(damaged >= users.length / 2, `snapshots damaged: ${damaged}`);

    const second = site.start(ctx.mutation === "trust" ? { playerStage: trustingPlayer } : {});
    await second.ready();
    requireSame(findings, "player", players, await playerHashes(site, users));
    const spared = new Map([...totals].filter(([id]) => id !== lost));
    requireSame(findings, "game", spared, await gameHashes(site, others));
    const found = await rebuilt(site);
    findings.count("rebuilt", sum(found));
    for (const [reason, count] of Object.entries(done.counts)) {
      const seen = found[reason] ?? 0;
      findings.require(seen === count, `each bad ${reason} noticed: ${seen} of ${count}`);
    }
    await checkGame(findings, site, second, `demo/${lost}`);
    await second.drain();
    const bad = await offline(site.dataDir, badSnapshots);
    findings.require(bad === 0, `every snapshot is good again: ${bad} are not`);

    const third = site.start(ctx.mutation === "trust" ? { playerStage: trustingPlayer } : {});
    await third.ready();
    requireSame(findings, "player", players, await playerHashes(site, users));
    const again = sum(await rebuilt(site));
    findings.require(again === 0, `nobody is rebuilt twice: ${again} are`);
    return findings.result();
  } finally {
    await site.clear();
  }
}

export const snapshotDamage: OwnDrill = {
  id: "19",
  name: "snapshot-damage",
  mutations: { "trust": /each player as before: [1-9]/ },
  run,
};
