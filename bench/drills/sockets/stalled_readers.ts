/**
 * Drill 29: two hundred WebSocket clients that stop reading. Some only listen; others go on sending,
 * so that no missed pong gives them away. Memory stays bounded, honest clients do not notice, and
 * each of them is gone soon.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import { fatPlayers, feedFat } from "./fat_players.ts";
import { GoodClients } from "./good_clients.ts";
import { connectionsTo } from "./kernel_sockets.ts";
import { readFor, StalledReader } from "./stalled_reader.ts";

const readersMax = 200;
/** Every so many of them go on sending. */
const senderEvery = 4;
const rssGrowthBytesMax = (readersMax * 1 + 64) * 1024 * 1024;
const goodP99MsMax = 250;
/** Where a machine is slower than that without any fault, the fault may not make it twice as slow. */
const timesCalmMax = 2;
const goneMsMax = 15_000;
const acceptedMin = 500;
const lookMs = 200;
const openedAtOnce = 20;
const warmUpMs = 8_000;

const times = {
  quick: { calmMs: 5_000, stalledMs: 15_000 },
  full: { calmMs: 15_000, stalledMs: 60_000 },
} as const;

class StalledReaders {
  readonly found = new Findings();
  readonly #stalled = new Set<StalledReader>();
  #opened = 0;
  #held = 0;
  #gone = 0;
  #slowestMs = 0;
  #rssBytes = 0;

  constructor(
    readonly ctx: OwnContext,
    readonly site: Site,
    readonly platform: PlatformProcess,
  ) {}

  /** Some of those that are missing: all at once would be a flood of another kind. */
  async #open(): Promise<void> {
    const missing = Math.min(openedAtOnce, readersMax - this.#stalled.size);
    const opened = await Promise.all(Array.from({ length: missing }, (_, i) => {
      const isSender = (this.#opened + i) % senderEvery === 0;
      return StalledReader.open(this.site, isSender);
    }));
    this.#opened += missing;
    for (const reader of opened) this.#stalled.add(reader);
  }

  /** Asks the kernel who is still there, and whose bytes wait. */
  #look(): void {
    const now = performance.now();
    const served = connectionsTo(this.site.port);
    this.#rssBytes = Math.max(this.#rssBytes, this.platform.rssBytes);
    for (const reader of this.#stalled) {
      const connection = served.get(reader.port);
      if (connection?.isEstablished) {
        if (connection.unsentBytes > 0 && !reader.wasHeld) {
          reader.wasHeld = true;
          this.#held++;
        }
        continue;
      }
      this.#slowestMs = Math.max(this.#slowestMs, now - reader.stalledAt);
      this.#gone++;
      this.#stalled.delete(reader);
      reader.close();
    }
  }

  /** Keeps two hundred of them for so long, then waits until the last is gone. */
  async #siege(ms: number): Promise<void> {
    const endsAt = performance.now() + ms;
    while (performance.now() < endsAt) {
      await this.#open();
      await sleep(lookMs);
      this.#look();
    }
    const lastAt = performance.now() + goneMsMax + 2_000;
    while (this.#stalled.size > 0 && performance.now() < lastAt) {
      await sleep(lookMs);
      this.#look();
    }
  }

  async run(): Promise<DrillResult> {
    const { found, site } = this;
    const { calmMs, stalledMs } = times[this.ctx.quick ? "quick" : "full"];
    await fatPlayers(site);
    const good = new GoodClients(site);
    const feeding = new AbortController();
    const fed = feedFat(site, feeding.signal);
    // As many who do read: what the heap grows by under their load is not the stalled ones' doing.
    await readFor(site, readersMax, warmUpMs);
    const calm = good.phase();
    await sleep(calmMs);
    const before = this.platform.rssBytes;
    found.count("rss_before_bytes", before);
    const under = good.phase();
    await this.#siege(stalledMs);
    good.phase();
    feeding.abort();
    await fed;
    await good.end();
    const left = this.#stalled.size;
    for (const reader of this.#stalled) reader.close();
    this.#judge(calm.latency.quantile(0.99), under.latency.quantile(0.99), left);
    found.count("good_accepted", under.accepted);
    found.require(under.accepted >= acceptedMin, `others get through: ${under.accepted} did`);
    found.require(under.refused === 0, `others are not refused: ${under.refused} were`);
    const grown = this.#rssBytes - before;
    found.count("rss_growth_bytes", grown);
    found.require(grown <= rssGrowthBytesMax, `memory: +${grown} bytes`);
    found.require(this.platform.isRunning, "the platform runs on");
    return found.result();
  }

  #judge(calmMs: number, underMs: number, left: number): void {
    const { found } = this;
    found.count("stalled", this.#opened);
    found.count("held_by_the_kernel", this.#held);
    found.count("gone", this.#gone);
    found.count("gone_after_ms", this.#slowestMs);
    found.count("calm_p99_ms", calmMs);
    found.count("good_p99_ms", underMs);
    found.require(this.#opened >= readersMax, `${readersMax} readers stalled: ${this.#opened} did`);
    // Who gets nothing does not stall: bytes must have waited for most of them.
    found.require(
      this.#held >= 0.9 * this.#opened,
      `bytes waited for those who did not read: for ${this.#held} of ${this.#opened}`,
    );
    found.require(left === 0, `all are gone ${goneMsMax} ms later: ${left} are still there`);
    found.require(
      this.#slowestMs <= goneMsMax,
      `each is gone in ${goneMsMax} ms: one took ${this.#slowestMs.toFixed(0)}`,
    );
    const bar = Math.max(goodP99MsMax, timesCalmMax * calmMs);
    found.require(underMs <= bar, `others' p99 ≤ ${bar.toFixed(0)} ms: ${underMs.toFixed(0)}`);
  }
}

async function run(ctx: OwnContext): Promise<DrillResult> {
  const site = new Site(`${ctx.dir}/site`);
  try {
    const platform = site.start({ boundsSockets: ctx.mutation !== "unbounded-sockets" });
    await platform.ready();
    return await new StalledReaders(ctx, site, platform).run();
  } finally {
    await site.clear();
  }
}

export const stalledReaders: OwnDrill = {
  id: "29",
  name: "stalled-readers",
  mutations: { "unbounded-sockets": /are still there/ },
  run,
};
