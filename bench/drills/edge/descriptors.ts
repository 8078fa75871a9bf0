/**
 * Drill 25: a node with 512 descriptors, and 600 sockets at once, half of them silent and half kept
 * alive after a request. It lives on, its log and store go on working, and two seconds after the
 * sockets are gone it serves. With the guard, and without.
 *
 * @module
 */
import postgres from "postgres";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Probe } from "../platform/probe.ts";
import { Site } from "../platform/site.ts";

const descriptors = 512;
const sockets = 600;
const servesMsMax = 2_000;
/** Half of the sockets ask for something: so many of them at least were given it. */
const answeredMin = 50;
/** What was accepted is in SQL by then. */
const committedMsMax = 10_000;
/** How long they hold on. */
const holdMs = { quick: 5_000, full: 30_000 } as const;
const get = new TextEncoder().encode("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n");

/** A socket of the attack: whether it got as far as an answer, and is there still. */
class Squatter {
  isOpen = true;
  isAnswered = false;

  constructor(readonly conn: Deno.Conn) {
    void this.#read();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4_096);
    try {
      for (let n = await this.conn.read(buffer); n !== null; n = await this.conn.read(buffer)) {
        this.isAnswered ||= new TextDecoder().decode(buffer.subarray(0, 12)) === "HTTP/1.1 200";
      }
    } catch {
      // Reset, or closed by us.
    }
    this.isOpen = false;
  }

  close(): void {
    try {
      this.conn.close();
    } catch {
      // Closed already.
    }
  }
}

/** Opens them as fast as it goes. @returns those that the kernel has connected */
async function squat(site: Site): Promise<{ squatters: Squatter[]; refused: number }> {
  const squatters: Squatter[] = [];
  let refused = 0;
  for (let i = 0; i < sockets; i++) {
    try {
      const conn = await Deno.connect({ hostname: site.host, port: site.port });
      squatters.push(new Squatter(conn));
      if (i % 2 === 0) await conn.write(get).catch(() => {});
    } catch {
      refused++;
    }
  }
  return { squatters, refused };
}

const openFiles = (pid: number) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

/** Watches the node until time is up. @returns the most descriptors it had open */
async function hold(platform: PlatformProcess, ms: number): Promise<number> {
  let most = 0;
  const until = performance.now() + ms;
  while (performance.now() < until && platform.isRunning) {
    most = Math.max(most, openFiles(platform.pid));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return most;
}

/** Waits for what was accepted before and after. @returns events that SQL does not hold once */
async function wrong(probe: Probe, storeUrl: string): Promise<number> {
  const sql = postgres(storeUrl, { max: 1, onnotice: () => {} });
  const deadline = performance.now() + committedMsMax;
  try {
    for (;;) {
      const left = await probe.wrong(sql);
      if (left === 0 || performance.now() > deadline) return left;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    await sql.end();
  }
}

async function exhaust(ctx: OwnContext, found: Findings, guard: "on" | "off"): Promise<void> {
  const site = new Site(`${ctx.dir}/guard-${guard}`, {
    env: { GUARD: guard },
    // The limit is this process' own, and that of what it becomes.
    runner: ["sh", "-c", `ulimit -n ${descriptors} && exec "$@"`, "sh"],
  });
  try {
    const platform = site.start({ isPatient: ctx.mutation !== "impatient" });
    const info = await platform.ready();
    const probe = new Probe(site, `scarce-${guard}`);
    found.require(await probe.accepted(servesMsMax) !== undefined, `guard ${guard}: serves before`);
    const name = (what: string) => `guard_${guard}_${what}`;
    found.count(name("open_before"), openFiles(platform.pid));
    const limit = await Deno.readTextFile(`/proc/${platform.pid}/limits`);
    found.require(
      new RegExp(`^Max open files +${descriptors} `, "m").test(limit),
      `the node has ${descriptors} descriptors`,
    );
    const { squatters, refused } = await squat(site);
    const most = await hold(platform, holdMs[ctx.quick ? "quick" : "full"]);
    found.count(name("open_most"), most);
    found.count(name("connected"), squatters.length);
    const answered = squatters.filter(({ isAnswered }) => isAnswered).length;
    found.count(name("answered"), answered);
    found.require(answered >= answeredMin, `guard ${guard}: ${answered} sockets were served`);
    const gone = squatters.filter(({ isOpen }) => !isOpen).length;
    found.count(name("turned_away"), refused + gone);
    // Not all of them fit, and it came to that.
    found.require(most >= descriptors * 0.6, `guard ${guard}: descriptors were scarce: ${most}`);
    found.require(
      most >= descriptors - 5 || refused + gone > 0,
      `guard ${guard}: more came than there is room for`,
    );
    found.require(platform.isRunning, `guard ${guard}: the node has ended`);
    for (const squatter of squatters) squatter.close();
    const releasedAt = performance.now();
    const ms = (await probe.accepted(4 * servesMsMax) ?? Infinity) - releasedAt;
    found.count(name("serves_ms"), ms);
    found.require(ms <= servesMsMax, `guard ${guard}: serves after ${ms} ms`);
    found.require(platform.isRunning, `guard ${guard}: the node has ended after all`);
    if (!platform.isRunning) return;
    const lost = await wrong(probe, info.store_url);
    found.require(lost === 0, `guard ${guard}: of what was accepted ${lost} are not in SQL once`);
    await platform.drain();
  } finally {
    await site.clear();
  }
}

export const scarceDescriptors: OwnDrill = {
  id: "25",
  name: "scarce-descriptors",
  mutations: { impatient: /guard off: (the node has ended|serves after)/ },
  async run(ctx): Promise<DrillResult> {
    const found = new Findings();
    if (ctx.mutation === undefined) await exhaust(ctx, found, "on");
    await exhaust(ctx, found, "off");
    return found.result();
  },
};
