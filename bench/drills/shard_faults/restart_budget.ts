/**
 * Drill 13: an actor throws again and again. Each time it is back within a second, rebuilt, and those
 * who share its partition hardly notice. When it throws on the second try too, its budget is spent:
 * then it stands still, it alone, whatever becomes of the process, until an operator restarts it, and
 * nothing that was sent to it meanwhile is lost.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import postgres from "postgres";
import { partitionOf } from "../../../schema/partition.ts";
import type { TreeNode } from "../../../supervisor/tree/child.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import { seedText } from "../../load/generator/population.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Admin } from "../platform/admin.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";

const throwingPlayer = new URL("../fixtures/throwing_player.ts", import.meta.url);

const restartMsMax = 1_000;
const siblingsRatioMax = 1.2;
/** Half a round of the shard's reader, whose pace is 25 ms: below it a difference is chance. */
const grainMs = 12;
const siblings = 50;
const partitions = 12;
/** Calm and stormy seconds take turns, so that what else the machine does falls on both. */
const rounds = 8;
const roundMs = 1_000;
const batchEveryMs = 20;
const batchEvents = 10;
const throwsPerRound = 15;
/** Events sent to the actor that stands still. */
const refused = 20;

interface Event {
  readonly event_id: string;
  readonly event_type: string;
  readonly user_id: string;
  readonly game_id: string;
  readonly properties: Record<string, unknown>;
}

/** Players who live in the same partition as `first`. */
function neighbours(first: string, count: number): string[] {
  const home = partitionOf(`demo/${first}`, partitions);
  const found: string[] = [];
  for (let i = 0; found.length < count; i++) {
    if (partitionOf(`demo/${first}-${i}`, partitions) === home) found.push(`${first}-${i}`);
  }
  return found;
}

/** A client that numbers its events and must have each accepted. */
class Client {
  readonly #connection: HttpConnection;
  sent = 0;
  refused = 0;

  constructor(site: Site, readonly prefix: string) {
    this.#connection = new HttpConnection(site.target);
  }

  event(user: string, properties: Record<string, unknown> = {}): Event {
    const id = `${this.prefix}-${this.sent++}`;
    const common = { event_type: "level.start", game_id: "drill", properties };
    return { event_id: id, user_id: user, ...common };
  }

  async send(events: readonly Event[]): Promise<void> {
    const { status, body } = await this.#connection.send(JSON.stringify(events));
    if (status !== 202 || JSON.parse(body).accepted !== events.length) this.refused++;
  }

  close(): void {
    this.#connection.close();
  }
}

/** Sends to the siblings for a while; in a storm the actor among them throws, each time once. */
async function round(client: Client, thrower: string, others: readonly string[], number: number) {
  const storm = number % 2 === 1;
  const phase = `${storm ? "storm" : "calm"} ${number}`;
  const startedAt = performance.now();
  const batches = roundMs / batchEveryMs;
  for (let b = 0; b < batches; b++) {
    const events = Array.from(
      { length: batchEvents },
      (_, i) => client.event(others[(b * batchEvents + i) % others.length]!, { phase }),
    );
    const isThrow = storm &&
      Math.floor((b + 1) * throwsPerRound / batches) > Math.floor(b * throwsPerRound / batches);
    if (isThrow) events.push(client.event(thrower, { boom: "once" }));
    await client.send(events);
    await sleep(Math.max(0, startedAt + (b + 1) * batchEveryMs - performance.now()));
  }
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** What siblings have waited, milliseconds, by round. */
function waitsOf(lines: readonly string[][], phase: string): number[][] {
  const rounds = new Map<string, number[]>();
  for (const [what, of, number, ms] of lines) {
    if (what !== "wait" || of !== phase) continue;
    rounds.set(number!, [...rounds.get(number!) ?? [], Number(ms)]);
  }
  return [...rounds.values()];
}

/** The median of the rounds' p99: a stall of the machine spoils one round, a storm's cost all of its. */
function usualP99(rounds: readonly number[][]): number {
  return quantile(rounds.map((waits) => quantile(waits, 0.99)), 0.5);
}

/** What the stage has noted: how long restarts took, how long siblings waited. */
async function checkNotes(findings: Findings, file: string): Promise<void> {
  const lines = (await Deno.readTextFile(file)).split("\n").map((line) => line.split(" "));
  const restarts = lines.filter(([what]) => what === "restart").map(([, ms]) => Number(ms));
  findings.count("restarts", restarts.length);
  findings.count("restart_max_ms", Math.max(...restarts));
  const expected = rounds * throwsPerRound;
  findings.require(
    restarts.length === expected,
    `${expected} restarts, one a throw: ${restarts.length}`,
  );
  findings.require(
    Math.max(...restarts) < restartMsMax,
    `each restart within ${restartMsMax} ms: ${Math.max(...restarts)}`,
  );
  const [calm, storm] = [waitsOf(lines, "calm"), waitsOf(lines, "storm")];
  const [before, during] = [usualP99(calm), usualP99(storm)];
  findings.count("siblings_calm_p99_ms", before);
  findings.count("siblings_storm_p99_ms", during);
  findings.require(
    Math.min(calm.flat().length, storm.flat().length) >= 3000,
    `siblings were measured: ${calm.flat().length} calm, ${storm.flat().length} in a storm`,
  );
  const most = Math.max(before * siblingsRatioMax, before + grainMs);
  findings.require(during <= most, `siblings' p99 at most ${most} ms: ${during}`);
}

/** Nodes of the tree that do not run, and restarts, all together. */
function troubleOf(node: TreeNode): { readonly down: string[]; readonly restarts: number } {
  const below = node.children.map(troubleOf);
  return {
    down: [...(node.status === "running" ? [] : [node.id]), ...below.flatMap((t) => t.down)],
    restarts: node.restarts + below.reduce((sum, t) => sum + t.restarts, 0),
  };
}

interface Scene {
  readonly findings: Findings;
  readonly platform: PlatformProcess;
  readonly admin: Admin;
  readonly sql: postgres.Sql;
  readonly client: Client;
  readonly thrower: string;
  readonly others: readonly string[];
}

/** Waits until so many events of a player are in the journal. @returns how many are */
async function applied({ platform, sql }: Scene, user: string, count: number): Promise<number> {
  const look = async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from player_events where user_id = ${user} and not internal`;
    return row!.n;
  };
  const isThere = async () => await look() >= count ? true : undefined;
  await platform.until(`${count} events are applied`, 5_000, isThere, 50).catch(() => {});
  return await look();
}

/** The actor throws on the second try, too: it must stand still, and nobody else. */
async function checkStandstill(scene: Scene): Promise<void> {
  const { findings, admin, client, thrower, others, platform } = scene;
  const before = await applied(scene, thrower, rounds * throwsPerRound);
  const siblingBefore = await applied(scene, others[0]!, 1);
  await client.send([client.event(thrower, { boom: "always" })]);
  for (let i = 0; i < refused; i++) {
    await client.send([client.event(thrower), client.event(others[0]!)]);
  }
  const count = await applied(scene, others[0]!, siblingBefore + refused) - siblingBefore;
  findings.require(count === refused, `a sibling's ${refused} events go on: ${count}`);
  const isThere = async () => (await admin.deadLetters()).length > refused ? true : undefined;
  await platform.until("its events are set aside", 5_000, isThere, 50).catch(() => {});
  const letters = await admin.deadLetters();
  const codes = (code: string) => letters.filter((letter) => letter.code === code).length;
  findings.count("parked_while_halted", codes("actor_halted"));
  findings.require(
    codes("poison") === 1 && codes("actor_halted") === refused,
    `beyond its budget the actor stands still, 1 poison and ${refused} set aside: ` +
      `${codes("poison")} and ${codes("actor_halted")}`,
  );
  const now = await applied(scene, thrower, before);
  findings.require(now === before, `the actor takes nothing: ${now - before} events`);
  const { down, restarts } = troubleOf(await admin.tree());
  findings.require(
    down.length === 0 && restarts === 0,
    `nothing but the actor stops: ${down.join(", ") || "nothing"} down, ${restarts} restarts`,
  );
}

/** Mended code in another process leaves the actor where it is; once it is restarted, all is made up for. */
async function checkRestart(scene: Scene, site: Site): Promise<void> {
  const { findings, admin, thrower } = scene;
  const before = await applied(scene, thrower, 1);
  await scene.platform.kill();
  const platform = site.start();
  const sql = postgres((await platform.ready()).store_url, { max: 1 });
  try {
    await checkReplayed({ ...scene, platform, sql }, before);
  } finally {
    await sql.end();
  }
  findings.count("halted_at_the_end", (await admin.halted()).length);
}

async function checkReplayed(scene: Scene, before: number): Promise<void> {
  const { findings, admin, thrower } = scene;
  const isThere = async () => (await admin.halted().catch(() => [])).length > 0 ? true : undefined;
  await scene.platform.until("it stands still again", 10_000, isThere, 50).catch(() => {});
  const halted = (await admin.halted()).map(({ id, dead_letters }) => `${id} ${dead_letters}`);
  findings.require(
    halted.join() === `demo/${thrower} ${refused}`,
    `after a kill it stands still, with ${refused} letters: ${halted.join() || "nobody does"}`,
  );
  findings.require(await admin.restartActor("player", `demo/${thrower}`), "it can be restarted");
  const replay = await admin.replayMany({ code: "actor_halted", actor_id: `demo/${thrower}` });
  // What the killed process had published and not yet known to be is there twice, and counts once.
  findings.require(replay.sent >= refused, `one call replays ${refused}: ${replay.sent}`);
  const after = await applied(scene, thrower, before + refused);
  findings.require(after === before + refused, `all is made up for: ${after - before}`);
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const file = join(ctx.dir, "notes");
  await Deno.writeTextFile(file, "");
  const env = {
    DRILL_NOTES_FILE: file,
    PARTITIONS: String(partitions),
    ...(ctx.mutation === undefined ? {} : { DRILL_BREAK: ctx.mutation }),
  };
  const site = new Site(`${ctx.dir}/site`, { env });
  const thrower = `thrower-${seedText(ctx.seed)}`;
  const others = neighbours(thrower, siblings);
  let sql: postgres.Sql | undefined;
  try {
    const platform = site.start({ playerStage: throwingPlayer });
    sql = postgres((await platform.ready()).store_url, { max: 1 });
    const client = new Client(site, `drill-${seedText(ctx.seed)}`);
    const admin = new Admin(site);
    const scene = { findings, platform, admin, sql, client, thrower, others };
    // The first events of a young process are slow, with or without throws.
    await round(client, thrower, others, 0);
    await applied(scene, others[0]!, 1);
    await Deno.writeTextFile(file, "");
    for (let i = 0; i < 2 * rounds; i++) await round(client, thrower, others, i);
    await applied(scene, thrower, rounds * throwsPerRound);
    await checkNotes(findings, file);
    await checkStandstill(scene);
    await checkRestart(scene, site);
    findings.count("sent", client.sent);
    findings.require(client.refused === 0, `each batch accepted: ${client.refused} are not`);
    client.close();
    return findings.result();
  } finally {
    await sql?.end();
    await site.clear();
  }
}

export const restartBudget: OwnDrill = {
  id: "13",
  name: "restart-budget",
  mutations: {
    "slow": /each restart within 1000 ms: \d{4}/,
    "endless": /beyond its budget the actor stands still.*: 1 and 0/,
  },
  run,
};
