/**
 * What a platform can do: R, the highest rate that it accepts in time.
 *
 * @module
 */
import type { OwnContext } from "../drill_types.ts";
import { Admin } from "../platform/admin.ts";
import type { Site } from "../platform/site.ts";
import { eventsPerSecond, type Offer, offer } from "./offer.ts";

/** Where a machine is slower than that with hardly anything to do, so slow counts as in time. */
const inTimeMsLeast = 50;
const timesCalmMax = 2;

/** In requests a second; the search ends where the generator's own core would be measured. */
const rateFrom = 100;
const rateMax = 4_000;
const growth = 1.6;
/** A rate that was not held makes way for so much of it. */
const heldAgain = 0.75;

/** How long is looked for R, milliseconds. */
export interface SearchTimes {
  /** At each rate. */
  readonly stepMs: number;
  /** At R itself. */
  readonly holdMs: number;
  /** Attempts to hold it. */
  readonly holds: number;
  /** Most that commits may take to catch up before the next rate. */
  readonly settleMs: number;
}

export interface Baseline {
  /** R: the highest rate at which all is accepted in time, requests a second. */
  readonly rate: number;
  /** The most that was got through at any rate, requests a second. */
  readonly most: number;
  /** What in time is on this machine now: p99 of an accepted request. */
  readonly inTimeMs: number;
  /** Median of an accepted request with hardly anything to do. */
  readonly calmMs: number;
}

/** Waits until all is committed, or for long enough. */
export async function settle(site: Site, msMax: number): Promise<void> {
  const admin = new Admin(site);
  for (const until = performance.now() + msMax; performance.now() < until;) {
    const rows = await admin.shards().catch(() => undefined);
    if (rows?.every(({ lag }) => lag === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Looks for R on one platform. */
class Search {
  /** What in time is on this machine now; known once it has been looked at. */
  inTimeMs = 0;

  constructor(readonly site: Site, readonly ctx: OwnContext, readonly times: SearchTimes) {}

  /** The platform with hardly anything to do. */
  async calm(): Promise<Offer> {
    // What runs for the first time is slow.
    for (const rate of [rateFrom, 4 * rateFrom]) await offer(this.site, rate, this.times.stepMs);
    await settle(this.site, this.times.settleMs);
    const calm = await offer(this.site, rateFrom, this.times.stepMs);
    this.inTimeMs = Math.max(inTimeMsLeast, timesCalmMax * calm.probe.accepted.p99);
    return calm;
  }

  /** A rate by itself, with nothing left of the one before. */
  async at(rate: number, ms: number) {
    await settle(this.site, this.times.settleMs);
    const { accepted, probe } = await offer(this.site, rate, ms);
    const { p99 } = probe.accepted;
    this.ctx.print(
      `${Math.round(eventsPerSecond(rate))} events/s for ${ms / 1000} s: ` +
        `p99 ${p99.toFixed(0)} ms, ${Math.round(eventsPerSecond(accepted))}/s accepted`,
    );
    const isServed = accepted >= 0.9 * rate && probe.refused.count === 0;
    return { accepted, isServed, isInTime: isServed && p99 <= this.inTimeMs };
  }
}

/** Looks for R in steps, then between the last two of them, and holds it for longer. */
export async function baseline(
  site: Site,
  ctx: OwnContext,
  times: SearchTimes,
): Promise<Baseline> {
  const { stepMs, holdMs, holds } = times;
  const search = new Search(site, ctx, times);
  const calm = await search.calm();
  let best = rateFrom;
  let most = 0;
  let beyond = rateMax;
  for (let rate = rateFrom * growth; rate <= rateMax; rate *= growth) {
    const { accepted, isServed, isInTime } = await search.at(rate, stepMs);
    most = Math.max(most, accepted);
    if (isInTime) best = rate;
    else beyond = Math.min(beyond, rate);
    if (!isServed) break;
  }
  if (beyond > best) {
    const between = Math.sqrt(best * beyond);
    if ((await search.at(between, stepMs)).isInTime) best = between;
  }
  for (let held = 0; held < holds && best > rateFrom; held++) {
    if ((await search.at(best, holdMs)).isInTime) break;
    best = Math.max(rateFrom, best * heldAgain);
  }
  return { rate: best, most, inTimeMs: search.inTimeMs, calmMs: calm.probe.accepted.p50 };
}
