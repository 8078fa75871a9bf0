/**
 * What drills 9 and 10 have in common: a server that the platform can do without goes away under load
 * and comes back, while events are sent and read.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { seedText } from "../../load/generator/population.ts";
import type { OwnContext } from "../drill_types.ts";
import type { Findings } from "../findings.ts";
import { IngestProbe, type Phase } from "../platform/ingest_probe.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import type { Site } from "../platform/site.ts";
import { type ReadPhase, ReadProbe } from "./read_probe.ts";

const eventsPerSecond = 1_000;
const readP99MsMax = 200;
/** Where a machine is slower than that without any fault, the fault may not make it twice as slow. */
const timesBaselineMax = 2;

/** How long each phase lasts, milliseconds. */
export interface Times {
  readonly beforeMs: number;
  readonly awayMs: number;
  /** For the return, at most. */
  readonly afterMs: number;
}

/** Waits until `done` holds. @returns how long it took since `since`; `Infinity`: not in time */
export async function timed(since: number, limitMs: number, done: () => Promise<boolean>) {
  while (performance.now() - since <= limitMs) {
    if (await done().catch(() => false)) return performance.now() - since;
    await sleep(20);
  }
  return Infinity;
}

/** What the admin port's `/health/ready` says of a part. @returns the status, and why the part is degraded */
export async function degraded({ adminUrl }: Pick<Site, "adminUrl">, part: string) {
  const response = await fetch(new URL("/health/ready", adminUrl), {
    signal: AbortSignal.timeout(10_000),
  });
  const { degraded: parts = [] } = await response.json() as {
    readonly degraded?: readonly { readonly part: string; readonly reason: string }[];
  };
  return {
    status: response.status,
    reason: parts.find((entry) => entry.part === part)?.reason,
  };
}

export class LoadedPlatform {
  readonly #load;
  readonly #ingest: IngestProbe;
  readonly #reads: ReadProbe;
  readonly #events: number;
  readonly #before: ReadPhase;
  #away: { readonly ingest: Phase; readonly reads: ReadPhase } | undefined;

  constructor(readonly ctx: OwnContext, readonly site: Site, times: Times) {
    const seconds = (times.beforeMs + times.awayMs + times.afterMs) / 1000;
    this.#events = seconds * eventsPerSecond;
    const { seed, dir } = ctx;
    this.#load = startLoad(site, { seed, events: this.#events, seconds, dir, malformed: 0 });
    this.#ingest = new IngestProbe(site, `probe-${seedText(seed)}`);
    this.#reads = new ReadProbe(site, `probe-${seedText(seed)}-0`);
    this.#before = this.#reads.phase();
  }

  /** What is measured from now on is measured without the server. */
  beginAway(): void {
    this.#away = { ingest: this.#ingest.phase(), reads: this.#reads.phase() };
  }

  endAway(findings: Findings): void {
    const { ingest, reads } = this.#away!;
    this.#ingest.phase();
    this.#reads.phase();
    findings.count("posts_away", ingest.accepted);
    findings.count("post_p99_away_ms", ingest.latency.quantile(0.99));
    findings.require(ingest.refused === 0, `every event answered 202: ${ingest.refused} are not`);
    findings.require(ingest.accepted >= 100, `at least 100 probes accepted: ${ingest.accepted}`);
    const before = this.#before.latency.quantile(0.99);
    findings.count("read_p99_before_ms", before);
    const p99 = reads.latency.quantile(0.99);
    const max = Math.max(readP99MsMax, timesBaselineMax * before);
    findings.count("reads_away", reads.latency.count);
    findings.count("read_p99_away_ms", p99);
    findings.require(reads.latency.count >= 100, `at least 100 reads: ${reads.latency.count}`);
    findings.require(reads.failed === 0, `no read fails: ${reads.failed} do: ${reads.firstError}`);
    findings.require(p99 <= max, `p99 of reads ≤ ${max} ms: ${p99}`);
  }

  /** Waits for the end of the load and has all of it verified. */
  async verify(findings: Findings): Promise<void> {
    requireLoaded(findings, await this.#load.done, this.#events * 0.99);
    const { retries } = this.#load.tally;
    findings.require(retries === 0, `accepted at once: ${retries} retries`);
    await this.end();
    const { store_url } = JSON.parse(await Deno.readTextFile(`${this.site.dataDir}/run.json`));
    await verify(this.ctx, this.site, findings, { storeUrl: store_url, ...this.#load.files });
  }

  async end(): Promise<void> {
    this.#load.stop();
    await this.#ingest.end();
    await this.#reads.end();
  }
}
