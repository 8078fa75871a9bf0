/**
 * What idle WebSockets cost a platform.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connectionsTo } from "../../drills/sockets/kernel_sockets.ts";
import { Site } from "../../drills/platform/site.ts";
import { Histogram } from "../../load/client/histogram.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import { cpuSecondsOf } from "../recovery/family_cpu.ts";
import { TextLineStream } from "./lines.ts";

const holders = 2;
const clients = 4;
const pauseMs = 10;
const holder = new URL("./socket_holder.ts", import.meta.url);

export interface IdleOptions {
  readonly sockets: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Whether they come through the TCP guard. */
  readonly guard: boolean;
  readonly dir: string;
}

/** What the platform does meanwhile. */
export interface Quiet {
  readonly rss_bytes: number;
  /** Of one core, the platform's own process. */
  readonly cpu_percent: number;
  readonly posts: number;
  readonly post_p50_ms: number;
  readonly post_p99_ms: number;
}

export interface IdleFigures {
  readonly sockets: number;
  readonly guard: boolean;
  readonly open_ms: number;
  readonly before: Quiet;
  readonly held: Quiet;
  readonly bytes_per_socket: number;
  /** Of one core: what the sockets cost beyond what there was before. */
  readonly heartbeat_cpu_percent: number;
  readonly pongs_per_second: number;
  /** What did not hold. */
  readonly faults: readonly string[];
}

/** Posts events for a while. */
async function posts(site: Site, ms: number): Promise<Histogram> {
  const taken = new Histogram();
  const endsAt = performance.now() + ms;
  const client = async (n: number) => {
    const connection = new HttpConnection(site.target);
    for (let i = 0; performance.now() < endsAt; i++) {
      const event = { event_type: "idle", user_id: `u-${n}-${i % 50}`, game_id: "bench-idle" };
      const sentAt = performance.now();
      const { status } = await connection.send(JSON.stringify(event));
      if (status !== 202) throw new Error(`Cannot measure: a POST was answered ${status}`);
      taken.record(performance.now() - sentAt);
      await sleep(pauseMs);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
  return taken;
}

async function quiet(site: Site, pid: number, rss: () => number, ms: number): Promise<Quiet> {
  const cpuFrom = cpuSecondsOf([pid]);
  const startedAt = performance.now();
  const taken = await posts(site, ms);
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    rss_bytes: rss(),
    cpu_percent: (cpuSecondsOf([pid]) - cpuFrom) / seconds * 100,
    posts: taken.count,
    post_p50_ms: taken.quantile(0.5),
    post_p99_ms: taken.quantile(0.99),
  };
}

class HolderProcess {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(site: Site, count: number) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", holder.pathname, site.url, site.key, String(count)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream() as never)
      .pipeThrough(new TextLineStream())[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("Cannot measure: a process that holds sockets has ended");
    return value;
  }

  async end(): Promise<{ pongs: number; ended: number }> {
    await this.#child.stdin.close();
    const counts = JSON.parse(await this.line());
    await this.#child.status;
    return counts;
  }

  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }
}

/** Opens the sockets, measures before and while they are there. */
export async function measureIdle(options: IdleOptions): Promise<IdleFigures> {
  const { sockets, seconds, guard, dir } = options;
  const site = new Site(`${dir}/site`, { env: { GUARD: guard ? "on" : "off" } });
  const all: HolderProcess[] = [];
  try {
    const platform = site.start();
    await platform.ready();
    const ms = seconds * 1000;
    const rss = () => platform.rssBytes;
    // What runs for the first time is slow, and makes the heap grow.
    await posts(site, ms / 2);
    const before = await quiet(site, platform.pid, rss, ms);
    const startedAt = performance.now();
    const share = Math.ceil(sockets / holders);
    for (let left = sockets; left > 0; left -= share) {
      all.push(new HolderProcess(site, Math.min(share, left)));
    }
    await Promise.all(all.map((one) => one.line()));
    const openMs = performance.now() - startedAt;
    const held = await quiet(site, platform.pid, rss, ms);
    const heldMs = performance.now() - startedAt;
    const established = [...connectionsTo(site.port).values()].filter((c) => c.isEstablished);
    const ends = await Promise.all(all.map((one) => one.end()));
    const sum = (key: "pongs" | "ended") => ends.reduce((total, counts) => total + counts[key], 0);
    const faults = [
      ...(established.length >= sockets ? [] : [`${established.length} of ${sockets} are open`]),
      ...(sum("ended") === 0 ? [] : [`${sum("ended")} were closed`]),
      ...(sum("pongs") > 0 ? [] : ["no socket was pinged"]),
    ];
    return {
      sockets,
      guard,
      open_ms: openMs,
      before,
      held,
      bytes_per_socket: (held.rss_bytes - before.rss_bytes) / sockets,
      heartbeat_cpu_percent: held.cpu_percent - before.cpu_percent,
      pongs_per_second: sum("pongs") / heldMs * 1000,
      faults,
    };
  } finally {
    for (const one of all) one.kill();
    await site.clear();
  }
}
