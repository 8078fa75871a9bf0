/**
 * Drill 30: three times as much as the platform can take. What is accepted is accepted in time, the
 * rest is refused at once, four fifths of the baseline get through, memory is bounded, and seconds
 * afterwards all is as before.
 *
 * @module
 */
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Histogram } from "../../load/client/histogram.ts";
import { Findings } from "../findings.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import { batchEvents, type Flood, flood } from "./flood.ts";

/** Where a machine is slower than that with hardly anything to do, so slow counts as in time. */
const baselineP99MsMax = 50;
const acceptedP99MsMax = 250;
const timesCalmMax = 2;
const refusedMsMax = 20;
const goodputMin = 0.8;
const rssGrowthBytesMax = 512 * 1024 * 1024;
const recoveryMsMax = 10_000;

/** In requests a second; the search ends where the generator's own core would be measured. */
const rateFrom = 100;
const rateMax = 4_000;

const times = {
  quick: { stepMs: 2_500, overloadMs: 25_000 },
  full: { stepMs: 10_000, overloadMs: 120_000 },
} as const;

interface Baseline {
  /** The highest rate at which all is accepted in time, requests a second. */
  readonly rate: number;
  /** The most that was got through at any rate, requests a second. */
  readonly most: number;
  /** What in time is on this machine now. */
  readonly p99MsMax: number;
}

async function baseline(site: Site, ctx: OwnContext, stepMs: number): Promise<Baseline> {
  // What runs for the first time is slow.
  await flood(site, rateFrom, stepMs);
  const calm = await flood(site, rateFrom, stepMs);
  const p99MsMax = Math.max(baselineP99MsMax, timesCalmMax * calm.accepted.quantile(0.99));
  let best = rateFrom;
  let most = 0;
  for (let rate = rateFrom * 1.5; rate <= rateMax; rate *= 1.6) {
    const step = await flood(site, rate, stepMs);
    const p99 = step.accepted.quantile(0.99);
    const done = step.accepted.count / step.seconds;
    ctx.print(`${Math.round(rate * batchEvents)} events/s: p99 ${p99.toFixed(0)} ms`);
    most = Math.max(most, done);
    if (done < rate * 0.9 || step.refused.count > 0) break;
    if (p99 <= p99MsMax) best = rate;
  }
  return { rate: best, most, p99MsMax };
}

/** Asks for what costs nothing, until told to stop. @returns how long that takes, the median */
async function floor(site: Site, stop: AbortSignal): Promise<number> {
  const taken = new Histogram();
  while (!stop.aborted) {
    const startedAt = performance.now();
    await fetch(new URL("/health/live", site.url)).then((answer) => answer.text()).catch(() => {});
    taken.record(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return taken.quantile(0.5);
}

function judge(
  found: Findings,
  over: Flood,
  { rate, p99MsMax }: Baseline,
  floorMs: number,
): void {
  // Nothing is answered sooner than what costs nothing; the generator shares the machine.
  const refusedMax = Math.max(refusedMsMax, 2 * floorMs);
  found.count("probe_p50_ms", floorMs);
  const acceptedMsMax = Math.max(acceptedP99MsMax, 5 * p99MsMax);
  const goodput = over.accepted.count / over.seconds;
  const accepted = over.accepted.quantile(0.99);
  const refused = over.refused.quantile(0.99);
  found.count("baseline_events_per_second", rate * batchEvents);
  found.count("offered_events_per_second", over.sent * batchEvents / over.seconds);
  found.count("goodput_events_per_second", goodput * batchEvents);
  found.count("accepted_p99_ms", accepted);
  found.count("refused", over.refused.count);
  found.count("refused_p50_ms", over.refused.quantile(0.5));
  found.count("refused_p99_ms", refused);
  found.require(over.sent / over.seconds >= 1.5 * rate, "an overload was offered");
  found.require(over.refused.count > 0, "some of it is refused: nothing was");
  found.require(accepted <= acceptedMsMax, `accepted p99 ≤ ${acceptedMsMax} ms: ${accepted}`);
  found.count("in_time_ms", p99MsMax);
  found.require(
    over.refused.quantile(0.5) <= refusedMax,
    `refused in ${refusedMax} ms: ${over.refused.quantile(0.5)} (p99 ${refused})`,
  );
  found.require(goodput >= goodputMin * rate, `goodput ≥ 0.8 R: ${goodput / rate}`);
  found.require(over.failed === 0, `every request is answered 202, 429 or 503: ${over.failed} not`);
  found.require(over.unsaid === 0, `every refusal says when to come back: ${over.unsaid} do not`);
}

/** Sends half of the baseline until it is served as ever. @returns after how long */
async function recovery(site: Site, { rate, p99MsMax }: Baseline): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt <= recoveryMsMax) {
    const step = await flood(site, rate / 2, 1_000);
    const isCalm = step.refused.count === 0 && step.failed === 0 &&
      step.accepted.quantile(0.99) <= 2 * p99MsMax;
    if (isCalm) return performance.now() - startedAt;
  }
  return Infinity;
}

class RssWatch {
  peak = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(platform: PlatformProcess) {
    this.#timer = setInterval(() => this.peak = Math.max(this.peak, platform.rssBytes), 200);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function run(ctx: OwnContext): Promise<DrillResult> {
  const found = new Findings();
  const { stepMs, overloadMs } = times[ctx.quick ? "quick" : "full"];
  const site = new Site(`${ctx.dir}/site`);
  try {
    const platform = site.start({ sheds: ctx.mutation !== "no-shedding" });
    await platform.ready();
    const base = await baseline(site, ctx, stepMs);
    // Three times what is accepted in time may still be got through, only later.
    const offered = Math.max(3 * base.rate, 1.5 * base.most);
    const before = platform.rssBytes;
    const memory = new RssWatch(platform);
    ctx.print(`overload: ${Math.round(offered * batchEvents)} events/s`);
    const stop = new AbortController();
    const probing = floor(site, stop.signal);
    const over = await flood(site, offered, overloadMs);
    stop.abort();
    judge(found, over, base, await probing);
    memory.stop();
    const recoveredMs = await recovery(site, base);
    found.count("recovered_ms", recoveredMs);
    found.require(recoveredMs <= recoveryMsMax, `as before after ${recoveryMsMax} ms`);
    found.count("rss_growth_bytes", memory.peak - before);
    found.require(memory.peak - before <= rssGrowthBytesMax, `memory: +${memory.peak - before}`);
    found.require(platform.isRunning, "the platform runs on");
    return found.result();
  } finally {
    await site.clear();
  }
}

export const overload: OwnDrill = {
  id: "30",
  name: "overload",
  mutations: { "no-shedding": /some of it is refused: nothing was|accepted p99/ },
  run,
};
