/**
 * What the site's folder remembers: per service a `run.json`, and `env.json` with the variables of
 * all of them.
 *
 * @module
 */
import { join } from "node:path";
import { runs } from "./machine/daemon.ts";
import {
  type RunFile,
  type ServiceName,
  serviceNames,
  type Site,
  type Variables,
} from "./service.ts";

/** The folder of one service. */
export function folderOf(site: Site, name: ServiceName): string {
  return join(site.folder, name);
}

function runPath(site: Site, name: ServiceName): string {
  return join(folderOf(site, name), "run.json");
}

/** What was started last and not stopped, whether it still runs or not. */
export async function readRun(site: Site, name: ServiceName): Promise<RunFile | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(runPath(site, name)));
  } catch (error) {
    // A file of a torn write, or none: either way nothing that can be relied on.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether all processes that were started still run; with Docker only its engine knows. */
export async function isWhole(run: RunFile): Promise<boolean> {
  for (const entry of run.processes) if (!await runs(entry)) return false;
  return true;
}

export async function writeRun(site: Site, name: ServiceName, run: RunFile): Promise<void> {
  await Deno.mkdir(folderOf(site, name), { recursive: true });
  await replaceFile(runPath(site, name), JSON.stringify(run, null, 2));
  await writeEnvironment(site);
}

/** Forgets a service that was stopped. */
export async function removeRun(site: Site, name: ServiceName): Promise<void> {
  await Deno.remove(runPath(site, name)).catch(() => {});
  await writeEnvironment(site);
}

/** The variables of all services that were started and not stopped. */
export async function readVariables(site: Site): Promise<Variables> {
  const variables: Record<string, string> = {};
  for (const name of serviceNames) Object.assign(variables, (await readRun(site, name))?.variables);
  return variables;
}

async function writeEnvironment(site: Site): Promise<void> {
  const variables = await readVariables(site);
  await replaceFile(join(site.folder, "env.json"), `${JSON.stringify(variables, null, 2)}\n`);
}

/** The lines that a shell takes. */
export function exportLines(variables: Variables): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
}

function quote(value: string): string {
  return /^[\w:/@.,+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Writes a private file so that a reader sees the old text or the new one. */
async function replaceFile(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
  await Deno.rename(`${path}.new`, path);
}
