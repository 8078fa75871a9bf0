/**
 * Drill 33: the store is not there when the platform starts, and comes later. Events are accepted
 * meanwhile, as accepting needs only the log. And a configuration that is wrong stops the start at
 * once, all its faults told.
 *
 * @module
 */
import { join } from "node:path";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../supervisor/store/embedded_postgres.ts";
import { startArguments } from "../cli/start_command.ts";
import { seedText } from "../load/generator/population.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { requireLoaded, startLoad, verify } from "./platform/load.ts";
import { program } from "./platform/platform_process.ts";
import { Probe } from "./platform/probe.ts";
import { Site } from "./platform/site.ts";

const readyMsMax = 5_000;
const configMsMax = 1_000;
/** How long the store stays away once events are accepted, milliseconds. */
const absentMs = 5_000;

/** The URL of a PostgreSQL that is not running, and how to start it there. */
async function absentStore(dataDir: string) {
  await Deno.mkdir(dataDir);
  const server = await startEmbeddedPostgres({ dataDir });
  await server.stop();
  return { url: server.url, start: () => startEmbeddedPostgres({ dataDir }) };
}

async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  try {
    (await Deno.connect({ hostname, port: Number(port) })).close();
    return true;
  } catch {
    return false;
  }
}

async function startWithout(ctx: OwnContext, findings: Findings): Promise<void> {
  const store = await absentStore(join(ctx.dir, "store"));
  const site = new Site(join(ctx.dir, "site"), { env: { STORE_URL: store.url } });
  let server: EmbeddedPostgres | undefined;
  try {
    findings.require(!await listens(store.url), "nothing listens at STORE_URL");
    const platform = site.start();
    const probe = new Probe(site, `probe-${seedText(ctx.seed)}`);
    const acceptedAt = await probe.accepted(10_000);
    findings.require(acceptedAt !== undefined, "events are accepted without the store");
    findings.count("accepting_ms", (acceptedAt ?? Infinity) - platform.startedAt);
    const events = 5_000;
    const load = startLoad(site, {
      seed: ctx.seed,
      events,
      seconds: absentMs / 1000,
      dir: ctx.dir,
    });
    const report = await load.done;
    requireLoaded(findings, report, events * 0.99);
    findings.require(report.retries === 0, `accepted at once: ${report.retries} retries`);
    const live = await platform.get("/health/live");
    findings.require(live.status === 200, `live without the store: ${live.status}`);
    const ready = await platform.get("/health/ready");
    const failing = (JSON.parse(ready.body || "{}").failing ?? []) as { part: string }[];
    const isNamed = ready.status === 503 && failing.some(({ part }) => part === "store");
    findings.require(isNamed, `not ready, naming the store: ${ready.status} ${ready.body}`);

    if (ctx.mutation !== "never-comes") server = await store.start();
    findings.require(server === undefined || server.url === store.url, "the store is at its URL");
    const cameAt = performance.now();
    await platform.until("it is ready", 2 * readyMsMax, async () => {
      const { status } = await platform.get("/health/ready");
      return status === 200 ? true : undefined;
    }).catch(() => {});
    const readyMs = performance.now() - cameAt;
    findings.count("ready_after_store_ms", readyMs);
    findings.require(
      readyMs <= readyMsMax,
      `ready within ${readyMsMax} ms of the store's coming: ${Math.round(readyMs)}`,
    );
    if (server === undefined) return;
    await verify(ctx, site, findings, { storeUrl: store.url, ...load.files });
    const { code } = await platform.drain();
    findings.require(code === 0, `it drains: exit code ${code}`);
  } finally {
    await site.clear();
    await server?.stop();
  }
}

/** Faults of a configuration, by variable. */
const badConfig: Readonly<Record<string, string>> = {
  PORT: "seventy",
  WORKERS: "0",
  STORE_URL: "mysql://nowhere/",
  LOG_LEVEL: "loud",
  ROLES: "gateway,janitor",
};

async function startMisconfigured(ctx: OwnContext, findings: Findings): Promise<void> {
  const given = ctx.mutation === "good-config" ? {} : badConfig;
  const startedAt = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: startArguments(program),
    env: { DATA_DIR: join(ctx.dir, "bad"), ADMIN_PORT: "0", PORT: "0", ...given },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const force = setTimeout(() => child.kill("SIGTERM"), 3 * configMsMax);
  const { code, stderr } = await child.output();
  clearTimeout(force);
  const tookMs = performance.now() - startedAt;
  findings.count("bad_config_ms", tookMs);
  findings.require(code === 78, `a bad configuration exits with 78: ${code}`);
  const told = `refused within ${configMsMax} ms: ${Math.round(tookMs)}`;
  findings.require(tookMs <= configMsMax, told);
  const text = new TextDecoder().decode(stderr);
  const silent = Object.keys(badConfig).filter((name) => !text.includes(`${name}: `));
  findings.require(silent.length === 0, `every fault told: not ${silent} in ${text}`);
}

export const absentStoreDrill: OwnDrill = {
  id: "33",
  name: "absent-store",
  mutations: {
    "never-comes": /ready within .* of the store's coming/,
    "good-config": /a bad configuration exits with 78: /,
  },
  async run(ctx) {
    const findings = new Findings();
    await startMisconfigured(ctx, findings);
    await startWithout(ctx, findings);
    return findings.result();
  },
};
