/**
 * Drill 28: WebSocket clients that send ten thousand messages a second, frames of a mebibyte, or
 * nothing to say who they are. Each is closed within a second, and nobody else notices.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Site } from "../platform/site.ts";
import { type Attack, attacks } from "./attacks.ts";
import { GoodClients, type GoodPhase } from "./good_clients.ts";

const closedMsMax = 1_000;
const timesCalmMax = 2;
/** Below that it is the timers of the clients that are measured. */
const p99FloorMs = 10;
/** A busy machine has bad moments of its own; an attack that does harm does it each time. */
const attemptsMax = 3;
const acceptedMin = 300;

const times = {
  quick: { calmMs: 5_000, rounds: 2 },
  full: { calmMs: 20_000, rounds: 6 },
} as const;

class HostileSockets {
  readonly found = new Findings();
  readonly #slowest = new Map<string, number>();
  #made = 0;

  constructor(readonly ctx: OwnContext, readonly site: Site) {}

  async attack({ name, codes, doneMin, doneIs, run }: Attack): Promise<void> {
    const ended = await run(this.site);
    const { code, ms } = ended;
    this.#made++;
    this.#slowest.set(name, Math.max(ms, this.#slowest.get(name) ?? 0));
    this.found.atLeast("closed_after_ms", ms);
    const seen = code === undefined ? "it was not closed" : `${code}`;
    this.found.require(
      code !== undefined && codes.includes(code),
      `${name} must be closed with ${codes.join(" or ")}: ${seen}`,
    );
    this.found.require(ms <= closedMsMax, `${name}: closed after ${ms.toFixed(0)} ms`);
    const done = ended[doneIs];
    this.found.require(done >= doneMin, `${name} was no attack: ${doneIs} ${done.toFixed(0)}`);
    if (doneIs === "donePerSecond") this.found.atLeast("flood_per_second", done);
  }

  /** Calm, then all attacks over and over. @returns the 99th percentiles */
  async attempt(good: GoodClients): Promise<{ calm: GoodPhase; under: GoodPhase }> {
    const { calmMs, rounds } = times[this.ctx.quick ? "quick" : "full"];
    const calm = good.phase();
    await sleep(calmMs);
    const under = good.phase();
    for (let round = 0; round < rounds; round++) {
      await Promise.all(attacks.map((attack) => this.attack(attack)));
    }
    good.phase();
    return { calm, under };
  }

  async run(): Promise<DrillResult> {
    const { found, site } = this;
    const good = new GoodClients(site);
    // What runs for the first time is slow.
    await sleep(2_000);
    let isCalm = false;
    let attempts = 0;
    let seen = "";
    while (!isCalm && attempts < attemptsMax) {
      const { calm, under } = await this.attempt(good);
      attempts++;
      const [calmMs, underMs] = [calm.latency.quantile(0.99), under.latency.quantile(0.99)];
      const bar = Math.max(timesCalmMax * calmMs, p99FloorMs);
      isCalm = underMs <= bar;
      seen = `${underMs.toFixed(1)} ms under attack, ${calmMs.toFixed(1)} ms before`;
      this.ctx.print(`others' p99: ${seen}`);
      found.count("calm_p99_ms", calmMs);
      found.count("attacked_p99_ms", underMs);
      found.count("good_accepted", under.accepted);
      found.require(under.accepted >= acceptedMin, `others get through: ${under.accepted} did`);
      found.require(under.refused === 0, `others are not refused: ${under.refused} were`);
    }
    await good.end();
    found.count("attempts", attempts);
    found.count("attacks", this.#made);
    found.require(isCalm, `others' p99 is at most twice the calm one: ${seen}`);
    for (const [name, ms] of this.#slowest) this.ctx.print(`${name}: ${ms.toFixed(0)} ms at most`);
    return found.result();
  }
}

async function run(ctx: OwnContext): Promise<DrillResult> {
  const site = new Site(`${ctx.dir}/site`);
  try {
    const platform = site.start({ boundsSockets: ctx.mutation !== "unbounded-sockets" });
    await platform.ready();
    return await new HostileSockets(ctx, site).run();
  } finally {
    await site.clear();
  }
}

export const hostileSockets: OwnDrill = {
  id: "28",
  name: "hostile-sockets",
  mutations: { "unbounded-sockets": /10,000 messages\/s must be closed/ },
  run,
};
