/**
 * Runs one drill to its end, whatever happens, and clears up after it.
 *
 * @module
 */
import type { BaseContext, Drill, DrillResult, OwnDrill } from "./drill_types.ts";
import { clearAllSites, Site } from "./platform/site.ts";
import { clearAllNetworks } from "./network/node_network.ts";
import { clearAllServers } from "./servers/own_servers.ts";

/** What came of a drill. */
export interface DrillOutcome extends DrillResult {
  readonly id: string;
  readonly name: string;
  readonly seed: number;
  readonly quick: boolean;
  readonly mutation: string | null;
  readonly seconds: number;
}

export interface RunDrillOptions extends BaseContext {
  /** A promise to break; the drill passes only if it notices. @default none */
  readonly mutation?: string;
  /** A drill that takes longer has failed, seconds. */
  readonly secondsMax: number;
}

const isOwn = (drill: Drill | OwnDrill): drill is OwnDrill => "mutations" in drill;

/** Gives a drill the platform that it attacks. */
async function onPlatform(drill: Drill, dir: string, base: BaseContext): Promise<DrillResult> {
  const site = new Site(`${dir}/site`);
  try {
    const platform = site.start();
    await platform.ready();
    const result = await drill.run({ ...base, url: site.url, key: site.key, pid: platform.pid });
    if (platform.isRunning) return result;
    return { ...result, pass: false, notes: ["the platform has ended", ...result.notes] };
  } finally {
    await site.clear();
  }
}

async function limited<T>(run: Promise<T>, seconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`The drill was not done after ${seconds} s`);
    timer = setTimeout(() => reject(error), seconds * 1000);
  });
  return await Promise.race([run, late]).finally(() => clearTimeout(timer));
}

/** A broken promise must be noticed, and as what it is. */
function judgeMutated(result: DrillResult, expected: RegExp): DrillResult {
  const noticed = !result.pass && result.notes.find((note) => expected.test(note));
  return noticed
    ? { pass: true, counts: result.counts, notes: [`noticed: ${noticed}`] }
    : { ...result, pass: false, notes: [`not noticed as ${expected}`, ...result.notes] };
}

/** Runs a drill. It never throws: a drill that does has failed. */
export async function runDrill(
  drill: Drill | OwnDrill,
  options: RunDrillOptions,
): Promise<DrillOutcome> {
  const { seed, quick, print, mutation, secondsMax } = options;
  const base = { seed, quick, print };
  const dir = await Deno.makeTempDir({ prefix: "gamemetrics-drill-" });
  const startedAt = performance.now();
  let result: DrillResult;
  try {
    const run = isOwn(drill) ? drill.run({ ...base, dir, mutation }) : onPlatform(drill, dir, base);
    // It ends with the processes it waits for, once those are killed.
    run.catch(() => {});
    result = await limited(run, secondsMax);
    if (isOwn(drill) && mutation !== undefined && result.skipped === undefined) {
      result = judgeMutated(result, drill.mutations[mutation]!);
    }
  } catch (error) {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    result = { pass: false, counts: {}, notes: [text] };
  } finally {
    await clearAllSites();
    await clearAllServers();
    await clearAllNetworks();
    await Deno.remove(dir, { recursive: true }).catch(() => {});
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { id, name } = drill;
  return { id, name, seed, quick, mutation: mutation ?? null, seconds, ...result };
}
