/**
 * Drill 12: events on which the code throws, among many good ones. They are set aside with what is
 * needed to find the fault, everything else goes on, and once the code is mended they are applied.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import postgres from "postgres";
import { AckFile } from "../load/client/ack_file.ts";
import { HttpConnection } from "../load/client/http_connection.ts";
import { EventStream } from "../load/generator/event_stream.ts";
import { seedText } from "../load/generator/population.ts";
import type { StreamOptions } from "../load/generator/stream_options.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { Admin } from "./platform/admin.ts";
import { drillStream, verify } from "./platform/load.ts";
import type { PlatformProcess } from "./platform/platform_process.ts";
import { Site } from "./platform/site.ts";

const events = 10_000;
/** Every so many events one is poison. */
const poisonEvery = 200;
const poisoned = events / poisonEvery;
const triesMax = 3;
const delayMsMax = 2_000;
/** Time over which the events are sent: slow enough that a delay is the poison's doing. */
const sendingMs = 5_000;
const poisonPlayer = new URL("./fixtures/poison_player.ts", import.meta.url);
const swallowingPlayer = new URL("./fixtures/swallowing_player.ts", import.meta.url);

/** What was sent. */
interface Sent {
  /** When each poison event was acknowledged, by id, milliseconds on the machine's clock. */
  readonly poison: Map<string, number>;
  good: number;
  refused: number;
}

/** Sends one connection's stream with poison in it, at an even pace. */
async function send(
  site: Site,
  stream: StreamOptions,
  number: number,
  acks: AckFile,
  sent: Sent,
): Promise<void> {
  const generator = new EventStream(stream, number);
  const connection = new HttpConnection(site.target);
  const startedAt = performance.now();
  const batches = generator.shape.events / stream.batch;
  for (let b = 0;; b++) {
    const batch = generator.next();
    if (batch === null) break;
    const content = JSON.parse(batch.body) as { event_id: string; properties: object }[];
    const poison = content.filter((_, i) => (b * stream.batch + i) % poisonEvery === 77);
    for (const event of poison) event.properties = { ...event.properties, poison: true };
    await sleep(Math.max(0, startedAt + (sendingMs * b) / batches - performance.now()));
    const { status, body } = await connection.send(JSON.stringify(content));
    if (status !== 202 || JSON.parse(body).accepted !== content.length) sent.refused++;
    for (const { event_id } of poison) sent.poison.set(event_id, Date.now());
    sent.good += content.length - poison.length;
    await acks.append({ c: number, b, ids: batch.ids });
  }
  connection.close();
}

/** Waits until so many events are in the journal, and the shards have nothing left to do. */
async function applied(sql: postgres.Sql, platform: PlatformProcess, count: number) {
  const look = async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from player_events where not internal`;
    return row!.n;
  };
  const limitMs = 20_000;
  const isThere = async () => await look() >= count ? true : undefined;
  await platform.until(`${count} events are applied`, limitMs, isThere, 50).catch(() => {});
  return await look();
}

/** The dead letters of the poison events: how many, how soon, after how many tries. */
async function checkLetters(
  findings: Findings,
  platform: PlatformProcess,
  sent: Sent,
  triesFile: string,
): Promise<string[]> {
  const admin = new Admin(platform.site);
  const isThere = async () => (await admin.deadLetters()).length >= poisoned ? true : undefined;
  await platform.until("all letters are there", 10_000, isThere, 100).catch(() => {});
  const rows = await admin.deadLetters();
  const ids = new Set<string>();
  for (const row of rows) {
    const letter = await admin.deadLetter(row.id);
    const id = letter.event?.event_id ?? "";
    ids.add(id);
    const ackedAt = sent.poison.get(id);
    findings.require(
      ackedAt !== undefined,
      `only poison is set aside: ${row.id} is ${row.message}`,
    );
    findings.atLeast("delay_max_ms", Date.parse(row.parked_at) - (ackedAt ?? 0));
    const isBundle = letter.code === "poison" &&
      letter.actor?.id === `demo/${letter.event?.user_id}`;
    findings.require(isBundle, `letter ${row.id} is a poison bundle: ${letter.code}`);
  }
  const dead = `exactly ${poisoned} dead-lettered: ${rows.length} letters, ${ids.size} events`;
  findings.require(rows.length === poisoned && ids.size === poisoned, dead);
  const delay = findings.result().counts["delay_max_ms"] ?? 0;
  findings.require(delay <= delayMsMax, `each set aside within ${delayMsMax} ms: ${delay}`);

  const tries = new Map<string, number>();
  for (const id of (await Deno.readTextFile(triesFile)).split("\n")) {
    if (id !== "") tries.set(id, (tries.get(id) ?? 0) + 1);
  }
  const most = Math.max(0, ...tries.values());
  findings.count("tries_max", most);
  const tried = tries.size === sent.poison.size;
  findings.require(tried, `the fault has struck ${sent.poison.size} events: ${tries.size}`);
  findings.require(most <= triesMax, `at most ${triesMax} tries each: ${most}`);
  return rows.map(({ id }) => id);
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const stream: StreamOptions = {
    ...drillStream({ seed: ctx.seed, events, seconds: sendingMs / 1000, dir: ctx.dir }),
    connections: 5,
    duplicates: 0,
    malformed: 0,
  };
  const triesFile = join(ctx.dir, "tries");
  await Deno.writeTextFile(triesFile, "");
  const site = new Site(`${ctx.dir}/site`, { env: { DRILL_TRIES_FILE: triesFile } });
  const acksPath = join(ctx.dir, "acks.jsonl");
  const sent: Sent = { poison: new Map(), good: 0, refused: 0 };
  try {
    const isSwallowing = ctx.mutation === "swallow";
    const faulty = site.start({ playerStage: isSwallowing ? swallowingPlayer : poisonPlayer });
    const info = await faulty.ready();
    const acks = new AckFile(acksPath, { seed: ctx.seed, id_prefix: seedText(ctx.seed) });
    await Promise.all(
      Array.from({ length: stream.connections }, (_, n) => send(site, stream, n, acks, sent)),
    );
    await acks.close();
    findings.count("sent", sent.good + sent.poison.size);
    findings.count("poison", sent.poison.size);
    findings.require(sent.refused === 0, `each batch accepted: ${sent.refused} are not`);
    findings.require(sent.poison.size === poisoned, `${poisoned} poisoned: ${sent.poison.size}`);
    const sql = postgres(info.store_url, { max: 1 });
    const good = await applied(sql, faulty, sent.good).finally(() => sql.end());
    findings.count("applied_before_mending", good);
    findings.require(good === sent.good, `${sent.good} good events applied: ${good}`);
    const letters = await checkLetters(findings, faulty, sent, triesFile);
    await checkMended(ctx, findings, site, faulty, letters, acksPath);
    return findings.result();
  } finally {
    await site.clear();
  }
}

/** Starts the mended code, replays all letters with one call, and once more, and verifies everything. */
async function checkMended(
  ctx: OwnContext,
  findings: Findings,
  site: Site,
  faulty: PlatformProcess,
  letters: readonly string[],
  acks: string,
): Promise<void> {
  const { code } = await faulty.drain();
  findings.require(code === 0, `the faulty platform drains: exit code ${code}`);
  const mended = site.start(ctx.mutation === "unmended" ? { playerStage: poisonPlayer } : {});
  const { store_url } = await mended.ready();
  const admin = new Admin(site);
  const first = await admin.replayMany({ code: "poison", source: "player" });
  findings.count("replayed", first.sent);
  const isAll = first.sent === letters.length && first.next_cursor === null;
  findings.require(isAll, `one call replays all ${letters.length} letters: ${first.sent}`);
  const marked = (await admin.deadLetters()).filter(({ replayed }) => replayed?.times === 1);
  findings.require(
    marked.length === letters.length,
    `each letter is marked as replayed: ${marked.length}`,
  );
  const second = await admin.replayMany();
  const none = second.sent === 0 && second.skipped.replayed_before === letters.length;
  findings.require(none, `the next call leaves out what was replayed: ${JSON.stringify(second)}`);
  // A second replay of the same letters must count nothing.
  const again = await admin.replayMany({ again: true });
  findings.require(again.sent === letters.length, `asked to, it sends again: ${again.sent}`);
  const sql = postgres(store_url, { max: 1 });
  const all = await applied(sql, mended, events).finally(() => sql.end());
  findings.require(all === events, `all ${events} events applied after mending: ${all}`);
  // What was replayed comes after what its player did meanwhile, as it must.
  const ignore = ["each player's events are in order"];
  await verify(ctx, site, findings, { storeUrl: store_url, acks, ignore });
}

export const poison: OwnDrill = {
  id: "12",
  name: "poison",
  mutations: {
    "swallow": /exactly 50 dead-lettered: 0 letters/,
    "unmended": /all 10000 events applied after mending: 9950/,
  },
  run,
};
