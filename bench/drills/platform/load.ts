/**
 * The load generator and the verifier as drills use them.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expectationOf } from "../../load/expectation.ts";
import type { StreamOptions } from "../../load/generator/stream_options.ts";
import { runLoad } from "../../load/run_load.ts";
import { type LoadReport, Tally } from "../../load/tally.ts";
import type { Check } from "../../verify/check.ts";
import type { OwnContext } from "../drill_types.ts";
import type { Findings } from "../findings.ts";
import type { Site } from "./site.ts";

/** How long unanswered batches are tried again after the end of the load. */
const drainMs = 60_000;

/** How long the platform may take to catch up; with a promise broken it never will. */
const catchUpSeconds = 30;
const catchUpBrokenSeconds = 5;

export interface DrillLoadOptions {
  readonly seed: number;
  /** Events of the load, duplicates and malformed ones included. */
  readonly events: number;
  /** Time over which they are spread; 0: as fast as it goes. */
  readonly seconds: number;
  /** Folder for the files that the verifier reads. */
  readonly dir: string;
  /** Events a request. @default 20 */
  readonly batch?: number;
  /** @default 8 */
  readonly connections?: number;
  /** Share of malformed events. @default 0.002 */
  readonly malformed?: number;
  /** Where the events go. @default the site's gateway */
  readonly url?: string;
}

/** A load under way. */
export interface DrillLoad {
  readonly tally: Tally;
  readonly stream: StreamOptions;
  /** Ends it early: no new batches. */
  readonly stop: () => void;
  /** Resolves when every batch is answered or given up, and the files are written. */
  readonly done: Promise<LoadReport>;
  /** Ids acknowledged, each line synced to disk, and what must come out: for the verifier. */
  readonly files: { readonly acks: string; readonly expect: string };
}

/** The events of a drill's load. */
export function drillStream(options: DrillLoadOptions): StreamOptions {
  const players = Math.max(1, Math.ceil(options.events / 40));
  return {
    seed: options.seed,
    events: options.events,
    batch: options.batch ?? 20,
    connections: Math.min(options.connections ?? 8, players),
    players,
    games: 8,
    originMs: Date.now(),
    seconds: options.seconds || options.events / 20_000,
    spanDays: 0,
    duplicates: 0.01,
    malformed: options.malformed ?? 0.002,
    late: 0.02,
    unordered: 0.05,
    protocol: "http",
  };
}

/** Starts a load that tries each batch again until it is answered. */
export function startLoad(site: Site, options: DrillLoadOptions): DrillLoad {
  const stream = drillStream(options);
  const tally = new Tally();
  const stop = new AbortController();
  const files = {
    acks: join(options.dir, `acks-${options.seed}.jsonl`),
    expect: join(options.dir, `expect-${options.seed}.json`),
  };
  const target = { ...site.target, url: new URL(options.url ?? site.url) };
  const rate = options.seconds === 0 ? 0 : options.events / options.seconds;
  const plan = { target, stream, rate, drainMs, acks: files.acks };
  const done = runLoad(plan, stop.signal, tally).then(async ({ report, senders }) => {
    const expectation = expectationOf(stream, senders, report.mismatches);
    await Deno.writeTextFile(files.expect, JSON.stringify(expectation));
    return report;
  });
  // Whoever awaits it is told; nobody else must be.
  done.catch(() => {});
  return { tally, stream, stop: () => stop.abort(), done, files };
}

/** What every load of a drill must have reached: a system that refuses everything must not pass. */
export function requireLoaded(findings: Findings, report: LoadReport, accepted: number): void {
  findings.count("accepted", report.accepted);
  findings.count("retries", report.retries);
  findings.require(report.unknown === 0, `every outcome known: ${report.unknown} are not`);
  findings.require(
    report.mismatches === 0,
    `every answer as expected: ${report.mismatches} are not: ${report.mismatch_examples[0]}`,
  );
  findings.require(
    report.accepted >= accepted,
    `at least ${accepted} events accepted: ${report.accepted}`,
  );
}

export interface VerifyOptions {
  readonly storeUrl: string;
  readonly acks?: string;
  readonly expect?: string;
  /** Checks, by name, whose outcome does not matter here. @default none */
  readonly ignore?: readonly string[];
}

/**
 * Runs the verifier, a process of its own, and takes over what it found. It compares every player.
 *
 * @throws {Error} it could not do its work
 */
export async function verify(
  ctx: OwnContext,
  site: Site,
  findings: Findings,
  options: VerifyOptions,
): Promise<void> {
  const { storeUrl, acks, expect, ignore = [] } = options;
  const timeoutSeconds = ctx.mutation === undefined ? catchUpSeconds : catchUpBrokenSeconds;
  const program = fileURLToPath(new URL("../../verify/verify.ts", import.meta.url));
  const files = [
    ...(acks === undefined ? [] : ["--acks", acks]),
    ...(expect === undefined ? [] : ["--expect", expect]),
  ];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", program, "--url", site.url, "--players", "all", "--json"],
      ...["--timeout", String(timeoutSeconds), ...files],
    ],
    env: { DEMO_KEY: site.key, STORE_URL: storeUrl },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  let report: { checks: Check[]; events: number; settled_seconds: number };
  try {
    report = JSON.parse(decoder.decode(stdout));
  } catch {
    throw new Error(`The verifier could not do its work: ${decoder.decode(stderr).slice(-2000)}`);
  }
  const checks = report.checks.filter(({ name }) => !ignore.includes(name));
  findings.count("events_in_sql", report.events);
  findings.count("settled_ms", report.settled_seconds * 1000);
  findings.count("checks", checks.filter(({ ok }) => ok === true).length);
  for (const { name, ok, detail, examples } of checks) {
    findings.require(ok !== false, `${name}: ${detail} ${examples[0] ?? ""}`.trimEnd());
    if (ok === undefined) findings.remark(`not checked: ${name}: ${detail}`);
  }
}
