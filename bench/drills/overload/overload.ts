/**
 * Drill 30: three times as much as the platform can take. What is accepted is accepted in time, the
 * rest is refused at once, four fifths of the baseline get through, memory and queues are bounded,
 * and seconds afterwards all is as before.
 *
 * How it is measured: the load comes from a process of its own, and what counts is what another one
 * beside it finds, which sends a hundred requests a second of the same kind and says how late it was
 * itself. Where the clients could not send what they meant to, were late, or took more than half a
 * core from the platform they share the machine with, the drill says so and fails: it has no result.
 *
 * Where it differs from its row in the table of drills:
 * - What is offered is 3 R, or half as much again as the most that got through in the search for R if
 *   that is more: what is got through is no overload.
 * - "Refused within 20 ms" is held against the median, as its p99 on two cores is the scheduler's; that
 *   is counted. Where twice the median of a calm platform is more than 20 ms, that is the bar.
 * - Where twice the calm p99 is more than 50 ms, "in time" is that, and an accepted request has five
 *   times as long (250 ms for 50). Both bars are among the counts.
 * - "As before" is R / 2 in time: the machine is still committing what it took meanwhile.
 * - "Idle" is the platform after the search for R, once all of it is committed.
 * - Of the queues, the log and the actors in memory have gauges to hold against their bounds.
 *
 * 30r is the same where log, store and cache are real servers, which share the machine; how large the
 * log may be is the broker's affair there.
 *
 * @module
 */
import { join } from "node:path";
import { type DrillResult, type OwnContext, type OwnDrill, skip } from "../drill_types.ts";
import { limits } from "../../../schema/limits.ts";
import { Findings } from "../findings.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import { noServers, OwnServers } from "../servers/own_servers.ts";
import { type Baseline, baseline, settle } from "./baseline.ts";
import { eventsPerSecond, ofBoth, type Offer, offer } from "./offer.ts";
import { PlatformGauges } from "./platform_gauges.ts";

const acceptedMsMax = 250;
const acceptedTimesMax = 5;
const refusedMsMax = 20;
const refusedTimesCalmMax = 2;
const goodputMin = 0.8;
const rssGrowthBytesMax = 512 * 1024 * 1024;
const recoveryMsMax = 10_000;

/** What the clients must be like for the rest to mean anything. */
const probeLateMsMax = 20;
const clientCoresMax = 0.5;
const offeredMin = 0.95;
const probedMin = { accepted: 200, refused: 200 };

const times = {
  quick: { stepMs: 1_500, holdMs: 3_000, holds: 1, settleMs: 1_500, overloadMs: 20_000 },
  full: { stepMs: 5_000, holdMs: 60_000, holds: 3, settleMs: 20_000, overloadMs: 120_000 },
} as const;

/** Whether what the clients found is about the platform. */
function judgeClients(found: Findings, over: Offer, planned: number): void {
  const cores = ofBoth(over, ({ cores }) => cores);
  const lateMs = over.probe.late.p99;
  found.count("offered_events_per_second", eventsPerSecond(over.offered));
  found.count("sent_events_per_second", eventsPerSecond(over.sent));
  found.count("client_cores", cores);
  found.count("flood_late_p99_ms", over.flood.late.p99);
  found.count("probe_late_p99_ms", lateMs);
  found.require(
    over.offered >= offeredMin * planned,
    `the clients cannot offer that much here: ${over.offered / planned} of it`,
  );
  found.require(cores <= clientCoresMax, `the clients starve the platform: ${cores} cores`);
  found.require(lateMs <= probeLateMsMax, `who measures was late itself: p99 ${lateMs} ms`);
}

function judge(found: Findings, over: Offer, { rate, inTimeMs, calmMs }: Baseline): void {
  const { accepted, refused } = over.probe;
  const acceptedMax = Math.max(acceptedMsMax, acceptedTimesMax * inTimeMs);
  const refusedMax = Math.max(refusedMsMax, refusedTimesCalmMax * calmMs);
  found.count("baseline_events_per_second", eventsPerSecond(rate));
  found.count("goodput_events_per_second", eventsPerSecond(over.accepted));
  found.count("in_time_ms", inTimeMs);
  found.count("accepted_bar_ms", acceptedMax);
  found.count("accepted_p50_ms", accepted.p50);
  found.count("accepted_p99_ms", accepted.p99);
  found.count(
    "refused_share",
    ofBoth(over, ({ refused }) => refused.count) /
      ofBoth(over, ({ sent }) => sent),
  );
  found.count("refused_bar_ms", refusedMax);
  found.count("refused_p50_ms", refused.p50);
  found.count("refused_p99_ms", refused.p99);
  found.count("flood_accepted_p99_ms", over.flood.accepted.p99);
  found.require(refused.count > 0, "some of it is refused: nothing was");
  found.require(
    refused.count >= probedMin.refused && accepted.count >= probedMin.accepted,
    `enough was measured: ${accepted.count} accepted, ${refused.count} refused`,
  );
  found.require(accepted.p99 <= acceptedMax, `accepted p99 ≤ ${acceptedMax} ms: ${accepted.p99}`);
  found.require(
    refused.p50 <= refusedMax,
    `refused in ${refusedMax} ms: ${refused.p50} (p99 ${refused.p99})`,
  );
  const goodput = over.accepted / rate;
  found.require(goodput >= goodputMin, `goodput ≥ 0.8 R: ${goodput}`);
  const failed = ofBoth(over, ({ failed }) => failed);
  const unsaid = ofBoth(over, ({ unsaid }) => unsaid);
  const how = JSON.stringify([over.flood.failures, over.probe.failures]);
  found.require(failed === 0, `every request is answered 202, 429 or 503: ${failed} not: ${how}`);
  found.require(unsaid === 0, `every refusal says when to come back: ${unsaid} do not`);
}

/** Sends half of the baseline until it is served as ever. @returns after how long */
async function recovery(site: Site, { rate, inTimeMs }: Baseline): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt <= recoveryMsMax) {
    const step = await offer(site, rate / 2, 1_000);
    const isCalm = ofBoth(step, ({ refused, failed }) => refused.count + failed) === 0 &&
      step.probe.accepted.p99 <= inTimeMs;
    if (isCalm) return performance.now() - startedAt;
  }
  return Infinity;
}

class RssWatch {
  peak = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(platform: PlatformProcess) {
    this.#timer = setInterval(() => {
      if (platform.isRunning) this.peak = Math.max(this.peak, platform.rssBytes);
    }, 200);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Where the platform has its log, store and cache. */
interface Place {
  readonly env: Readonly<Record<string, string>>;
  /** The queues that are its own: gauges and their bounds. */
  readonly queues: Readonly<Record<string, number>>;
}

// What a batch has loaded is let go after it.
const actors = { actor_bytes: 1.25 * limits.actorBytesMaxPerWorker };
const embedded: Place = {
  env: {},
  queues: { log_bytes: limits.logBytesMaxPerTopic, ...actors },
};

function judgeQueues(found: Findings, gauges: PlatformGauges, bounds: Place["queues"]): void {
  for (const [name, most] of Object.entries(bounds)) {
    const seen = gauges.most(name);
    found.count(`most_${name}`, seen);
    found.require(seen <= most, `${name} ≤ ${most}: ${seen}`);
  }
}

async function run(ctx: OwnContext, { env, queues }: Place): Promise<DrillResult> {
  const found = new Findings();
  const { overloadMs, ...search } = times[ctx.quick ? "quick" : "full"];
  const site = new Site(join(ctx.dir, "site"), { env });
  let memory: RssWatch | undefined;
  let gauges: PlatformGauges | undefined;
  try {
    const platform = site.start({
      sheds: ctx.mutation !== "no-shedding",
      shedsForTurns: ctx.mutation !== "no-turns",
    });
    await platform.ready();
    const base = await baseline(site, ctx, search);
    const planned = Math.max(3 * base.rate, 1.5 * base.most);
    await settle(site, search.settleMs);
    const before = platform.rssBytes;
    memory = new RssWatch(platform);
    gauges = new PlatformGauges(site);
    ctx.print(
      `R is ${Math.round(eventsPerSecond(base.rate))} events/s; ` +
        `overload: ${Math.round(eventsPerSecond(planned))}`,
    );
    const over = await offer(site, planned, overloadMs);
    judgeClients(found, over, planned);
    judge(found, over, base);
    const recoveredMs = await recovery(site, base);
    await gauges.look();
    judgeQueues(found, gauges, queues);
    found.count("recovered_ms", recoveredMs);
    found.require(recoveredMs <= recoveryMsMax, `as before after ${recoveryMsMax} ms`);
    found.count("rss_growth_bytes", memory.peak - before);
    found.require(memory.peak - before <= rssGrowthBytesMax, `memory: +${memory.peak - before}`);
    found.require(platform.isRunning, "the platform runs on");
    return found.result();
  } finally {
    memory?.stop();
    await gauges?.end();
    await site.clear();
  }
}

const asUnshed = /some of it is refused: nothing was|accepted p99|refused in/;

const mutations = { "no-shedding": asUnshed, "no-turns": asUnshed };

export const overload: OwnDrill = {
  id: "30",
  name: "overload",
  mutations,
  run: (ctx) => run(ctx, embedded),
};

export const overloadOnServers: OwnDrill = {
  id: "30r",
  name: "overload-on-servers",
  mutations,
  async run(ctx) {
    const names = ["kafka", "postgres", "redis"] as const;
    const reason = await noServers(names);
    if (reason !== undefined) return skip(reason);
    const servers = await OwnServers.start(join(ctx.dir, "servers"), names);
    try {
      return await run(ctx, { env: await servers.variables(), queues: actors });
    } finally {
      await servers.clear();
    }
  },
};
