/**
 * `deno task bench:edge`: one event a POST, with key, limits and validation on: bare `Deno.serve`, the
 * gateway without its guard, with it, and behind haproxy over TLS 1.3, one after the other in one run.
 * Exit code 1 when a figure misses what is promised, or an event was refused.
 *
 * @module
 */
import { startEdge } from "../../../deploy/edge/start_edge.ts";
import { helpText, Options, type OptionSpec } from "../../cli/options.ts";
import { note, print } from "../../cli/print.ts";
import { clearAllSites, freePort, Site } from "../../drills/platform/site.ts";
import { byOwn, byWrk, type Figures, hasWrk } from "./generator.ts";

/** What is promised of each shape of the gateway. */
export const requestsPerSecondMin = 10_000;
export const p99MsMax = 20;

const shapes = ["deno_serve", "guard_off", "guard_on", "haproxy"] as const;
type Shape = typeof shapes[number];

const specs = {
  seconds: { type: "number", default: 20, help: "of each measurement" },
  warm: { type: "number", default: 5, help: "seconds before it" },
  connections: { type: "number", default: 64, help: "kept alive" },
  own: { type: "flag", help: "our own generator, also where wrk is installed" },
  json: { type: "flag", help: "print JSON" },
  help: { type: "flag", help: "print this" },
} as const satisfies Record<string, OptionSpec>;

interface Run {
  readonly seconds: number;
  readonly warm: number;
  readonly connections: number;
  readonly folder: string;
  readonly wrk: boolean;
}

/** Measures one server: warmed up first. */
async function measure(run: Run, url: string, key: string): Promise<Figures> {
  const { connections, folder } = run;
  const by = run.wrk ? byWrk : byOwn;
  await by({ url, key, connections, folder, seconds: run.warm });
  return await by({ url, key, connections, folder, seconds: run.seconds });
}

async function bare(run: Run): Promise<Figures> {
  const program = new URL("./bare.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program.pathname],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  try {
    const { value } = await reader.read();
    const port = Number(new TextDecoder().decode(value));
    return await measure(run, `http://127.0.0.1:${port}/api/v1/events`, "none");
  } finally {
    child.kill("SIGKILL");
    await reader.cancel();
    await child.status;
  }
}

/** A platform of its own, on embedded defaults. */
async function onPlatform(
  run: Run,
  env: Readonly<Record<string, string>>,
  use: (site: Site) => Promise<Figures>,
): Promise<Figures> {
  const site = new Site(`${run.folder}/site-${crypto.randomUUID()}`, { env });
  try {
    await site.start().ready();
    return await use(site);
  } finally {
    await site.clear();
  }
}

async function behindHaproxy(run: Run, site: Site): Promise<Figures> {
  const edge = await startEdge({
    folder: run.folder,
    gateway: `127.0.0.1:${site.port}`,
    port: freePort(),
    statsPort: freePort(),
    progress: note,
  });
  try {
    // It must have seen that the gateway is ready.
    while (!edge.output().includes("UP") && !await isUp(edge.url, edge.ca)) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return await measure(run, `${edge.url}/api/v1/events`, site.key);
  } finally {
    await edge.stop();
  }
}

async function isUp(url: string, ca: string): Promise<boolean> {
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(ca)] });
  const answer = await fetch(`${url}/health/ready`, { client });
  await answer.body?.cancel();
  return answer.ok;
}

const behindProxy = { GUARD: "off", TRUSTED_PROXIES: "127.0.0.1" };

/** `undefined`: the shape cannot be measured here. */
async function figuresOf(shape: Shape, run: Run): Promise<Figures | undefined> {
  if (shape === "deno_serve") return await bare(run);
  if (shape === "haproxy") {
    if (run.wrk) return await onPlatform(run, behindProxy, (site) => behindHaproxy(run, site));
    note("haproxy is measured with wrk only: our own generator speaks no TLS");
    return undefined;
  }
  const guard = shape === "guard_on" ? "on" : "off";
  return await onPlatform(
    run,
    { GUARD: guard },
    (site) => measure(run, `${site.url}/api/v1/events`, site.key),
  );
}

/** What did not hold, one line each. */
export function shortfalls(all: Readonly<Partial<Record<Shape, Figures>>>): string[] {
  return shapes.flatMap((shape) => {
    const figures = all[shape];
    if (figures === undefined || shape === "deno_serve") return [];
    const { requestsPerSecond, p99Ms, failed } = figures;
    return [
      ...(requestsPerSecond < requestsPerSecondMin
        ? [
          `${shape}: ${Math.round(requestsPerSecond)} requests/s, ${requestsPerSecondMin} promised`,
        ]
        : []),
      ...(p99Ms > p99MsMax ? [`${shape}: p99 ${p99Ms} ms, ${p99MsMax} promised`] : []),
      ...(failed > 0 ? [`${shape}: ${failed} requests failed`] : []),
    ];
  });
}

async function main(args: readonly string[]): Promise<number> {
  const options = new Options(args, specs);
  if (options.flag("help")) {
    print(helpText("deno task bench:edge [options]: one event a POST", specs));
    return 0;
  }
  const folder = await Deno.makeTempDir({ prefix: "gamemetrics-edge-" });
  const run: Run = {
    seconds: options.number("seconds")!,
    warm: options.number("warm")!,
    connections: options.number("connections")!,
    folder,
    wrk: !options.flag("own") && await hasWrk(),
  };
  const all: Partial<Record<Shape, Figures>> = {};
  try {
    for (const shape of shapes) {
      const figures = await figuresOf(shape, run);
      if (figures === undefined) continue;
      all[shape] = figures;
      if (options.flag("json")) continue;
      const { generator, requestsPerSecond, p50Ms, p99Ms, failed } = figures;
      print(
        `${shape.padEnd(10)} ${Math.round(requestsPerSecond).toLocaleString("en").padStart(8)} ` +
          `requests/s  p50 ${p50Ms} ms  p99 ${p99Ms} ms  failed ${failed}  (${generator})`,
      );
    }
  } finally {
    await clearAllSites();
    await Deno.remove(folder, { recursive: true });
  }
  const faults = shortfalls(all);
  if (options.flag("json")) {
    print(JSON.stringify({ ...run, folder: undefined, figures: all, faults }));
  } else for (const fault of faults) print(fault);
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    print(cause.message);
    Deno.exit(2);
  }
}
