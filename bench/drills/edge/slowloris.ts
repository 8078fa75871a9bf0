/**
 * Drill 24: thousands of clients that drip their heads, drip their bodies or say nothing, and come
 * again when they are cut. Each is cut soon, and honest clients do not notice; behind haproxy as in
 * production, and behind the guard of a node that stands alone.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openFilesMax } from "../../../supervisor/guard/descriptors.ts";
import { type DrillResult, type OwnContext, type OwnDrill, skip } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { connectionsTo } from "../sockets/kernel_sockets.ts";
import { type GoodPhase, GoodTraffic } from "./good_traffic.ts";
import { canShape, type Shape, type ShapeName, startShape } from "./shapes.ts";
import { kinds } from "./slow_client.ts";
import type { CrowdOrder, CrowdReport } from "./slow_crowd.ts";

const forms = {
  quick: {
    clients: { drip: 400, body: 100, idle: 200 },
    calmMs: 3_000,
    slowMs: 6_000,
    cutsEach: 1,
    acceptedMin: 500,
  },
  full: {
    clients: { drip: 2_000, body: 500, idle: 1_000 },
    calmMs: 15_000,
    slowMs: 120_000,
    cutsEach: 5,
    acceptedMin: 5_000,
  },
} as const;
const warmUpMs = 2_000;
const cutMsMax = 15_000;
/** Faster than that is no slowness that anybody would notice. */
const calmP99MsMin = 25;
const timesCalmMax = 2;
/** Of the slow ones, so many are there at one moment: others are just coming again. */
const presentShare = 0.8;
/** Two thousand handshakes and more, on a machine with other work. */
const comeMsMax = 120_000;

/** The crowd's process. */
class Crowd {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #output = "";

  constructor(order: CrowdOrder) {
    const program = new URL("./slow_crowd.ts", import.meta.url).pathname;
    // It shares the machine with what it attacks, where attackers usually have their own.
    this.#child = new Deno.Command("nice", {
      args: ["-n", "15", Deno.execPath(), "run", "-A", "--no-check", program],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = this.#read();
    this.#tell(JSON.stringify(order));
  }

  #tell(line: string): void {
    this.#input.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stdout) {
      this.#output += decoder.decode(bytes, { stream: true });
    }
  }

  /** Waits until all have come once. @throws {Error} they do not */
  async come(): Promise<void> {
    const deadline = performance.now() + comeMsMax;
    while (!this.#output.includes("all have come\n")) {
      if (performance.now() > deadline) throw new Error("The slow clients do not come");
      await sleep(50);
    }
  }

  async end(): Promise<CrowdReport> {
    this.#tell("end");
    await this.#reading;
    return JSON.parse(this.#output.slice(this.#output.lastIndexOf('{"drip"'))) as CrowdReport;
  }

  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#input.close().catch(() => {});
  }
}

class Slowloris {
  readonly #form: typeof forms["quick" | "full"];

  constructor(readonly ctx: OwnContext, readonly found: Findings, readonly shape: Shape) {
    this.#form = forms[ctx.quick ? "quick" : "full"];
  }

  get #all(): number {
    return kinds.reduce((sum, kind) => sum + this.#form.clients[kind], 0);
  }

  async run(): Promise<void> {
    const { shape, found } = this;
    const { clients, calmMs, slowMs } = this.#form;
    const good = new GoodTraffic(shape);
    await sleep(warmUpMs);
    const calm = good.phase();
    await sleep(calmMs);
    const under = good.phase();
    const { url, ca, site } = shape;
    const crowd = new Crowd({ url: url.href, ca, key: site.key, clients, cutMsMax });
    try {
      await crowd.come();
      const present = await this.#watch(slowMs);
      const report = await crowd.end();
      // Once more, as a machine with other work is not equally calm all the time.
      const after = good.phase();
      await sleep(calmMs);
      good.phase();
      this.#judgeCrowd(report, present);
      this.#judgeGood([calm, after], under);
      found.require(shape.platform.isRunning, `${shape.name}: the platform runs on`);
    } finally {
      await crowd.kill();
      await good.end();
    }
  }

  /** @returns the most connections that the kernel knows at one moment, at the port they attack */
  async #watch(ms: number): Promise<number> {
    const endsAt = performance.now() + ms;
    let most = 0;
    while (performance.now() < endsAt) {
      const all = connectionsTo(Number(this.shape.url.port)).values();
      most = Math.max(most, [...all].filter(({ isEstablished }) => isEstablished).length);
      await sleep(1_000);
    }
    return most;
  }

  #judgeCrowd(report: CrowdReport, present: number): void {
    const { found, shape: { name } } = this;
    found.count(`${name}_present`, present);
    const wanted = this.#all * presentShare;
    found.require(present >= wanted, `${name}: ${present} of ${this.#all} slow clients are there`);
    for (const kind of kinds) {
      const { opened, cut, told, served, failed, slowestMs, most, left } = report[kind];
      const count = (what: string, value: number) => found.count(`${name}_${kind}_${what}`, value);
      count("opened", opened);
      count("cut", cut);
      count("told", told);
      count("failed", failed);
      count("cut_ms", slowestMs);
      const { clients: { [kind]: clients }, cutsEach } = this.#form;
      found.require(
        most >= clients * presentShare,
        `${name}: ${kind}: ${most} of ${clients} were there at once`,
      );
      found.require(
        left === 0,
        `${name}: ${kind}: ${left} are there after ${cutMsMax} ms and more`,
      );
      found.require(
        slowestMs <= cutMsMax,
        `${name}: ${kind}: cut within ${cutMsMax} ms: one after ${slowestMs.toFixed(0)}`,
      );
      found.require(
        cut >= clients * cutsEach,
        `${name}: ${kind}: each cut ${cutsEach} times: ${cut} of ${clients}`,
      );
      if (kind === "idle") found.require(served >= clients / 4, `${name}: idle: ${served} asked`);
      else found.require(served === 0, `${name}: ${kind}: ${served} were served`);
    }
  }

  #judgeGood(calm: readonly GoodPhase[], under: GoodPhase): void {
    const { found, shape: { name } } = this;
    found.count(`${name}_good_accepted`, under.accepted);
    const { acceptedMin } = this.#form;
    found.require(under.accepted >= acceptedMin, `${name}: others: ${under.accepted} accepted`);
    const refused = [under, ...calm].flatMap((phase) => [...phase.refused]);
    const said = refused.map(([what, n]) => `${n} × ${what}`).join(", ");
    found.require(refused.length === 0, `${name}: others were refused: ${said}`);
    for (const how of ["kept", "fresh"] as const) {
      const calmMs = Math.max(...calm.map((phase) => phase[how].quantile(0.99)));
      const underMs = under[how].quantile(0.99);
      found.count(`${name}_${how}_calm_p99_ms`, calmMs);
      found.count(`${name}_${how}_p99_ms`, underMs);
      const bar = timesCalmMax * Math.max(calmP99MsMin, calmMs);
      found.require(
        underMs <= bar,
        `${name}: others' p99 (${how}) ≤ ${bar.toFixed(0)} ms: ${underMs.toFixed(0)}`,
      );
    }
  }
}

/** Descriptors that a shape needs for them: the guard takes three a connection. */
const descriptorsMin = { quick: 4_000, full: 12_000 } as const;

/** What each broken promise leaves out. */
const breaking: Readonly<Record<string, { readonly shape: ShapeName; readonly line?: string }>> = {
  "no-header-timeout": { shape: "haproxy", line: "  timeout http-request 10s\n" },
  "no-guard": { shape: "guard" },
};

async function start(ctx: OwnContext, name: ShapeName): Promise<Shape> {
  const broken = ctx.mutation === undefined ? undefined : breaking[ctx.mutation];
  if (broken === undefined) return await startShape(ctx, name);
  const { line } = broken;
  if (line === undefined) return await startShape(ctx, name, { env: { GUARD: "off" } });
  return await startShape(ctx, name, {
    edit: (text) => {
      if (!text.includes(line)) throw new Error(`The configuration has no line ${line}`);
      return text.replace(line, "");
    },
  });
}

async function run(ctx: OwnContext): Promise<DrillResult> {
  const needed = descriptorsMin[ctx.quick ? "quick" : "full"];
  const allowed = openFilesMax(await Deno.readTextFile("/proc/self/limits")) ?? 0;
  if (allowed < needed) return skip(`it takes 'ulimit -n ${needed}': it is ${allowed}`);
  const found = new Findings();
  const broken = ctx.mutation === undefined ? undefined : breaking[ctx.mutation];
  const names = broken === undefined ? ["haproxy", "guard"] as const : [broken.shape];
  // The shape of production must be there.
  for (const name of names) {
    if (!await canShape(name)) return skip(`${name} is not on this machine`);
  }
  const started = await Promise.allSettled(names.map((name) => start(ctx, name)));
  try {
    for (const shape of started) {
      if (shape.status === "rejected") throw shape.reason;
      ctx.print(shape.value.name);
      await new Slowloris(ctx, found, shape.value).run();
    }
  } finally {
    for (const shape of started) if (shape.status === "fulfilled") await shape.value.end();
  }
  return found.result();
}

export const slowloris: OwnDrill = {
  id: "24",
  name: "slowloris",
  mutations: {
    "no-header-timeout": /haproxy: drip: \d+ are there after/,
    "no-guard": /guard: drip: \d+ are there after/,
  },
  run,
};
