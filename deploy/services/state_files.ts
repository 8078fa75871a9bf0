/**
 * What the site's folder remembers: per service a `run.json`, and `env.json` with the variables of
 * all of them.
 *
 * @module
 */
import { join } from "node:path";
import { runs } from "./daemon.ts";
import { type RunFile, type ServiceName, serviceNames, type Site } from "./service.ts";

/** The folder of one service. */
export function folderOf(site: Site, name: ServiceName): string {
  return join(site.folder, name);
}

function runPath(site: Site, name: ServiceName): string {
  return join(folderOf(site, name), "run.json");
}

/** What was started last, whether it still runs or not. */
export async function readRun(site: Site, name: ServiceName): Promise<RunFile | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(runPath(site, name)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What was started last, if all its processes still run. */
export async function readLiveRun(site: Site, name: ServiceName): Promise<RunFile | undefined> {
  const run = await readRun(site, name);
  if (run === undefined) return undefined;
  for (const entry of run.processes) if (!await runs(entry)) return undefined;
  return run;
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
export async function readVariables(site: Site): Promise<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const name of serviceNames) Object.assign(variables, (await readRun(site, name))?.variables);
  return variables;
}

async function writeEnvironment(site: Site): Promise<void> {
  const variables = await readVariables(site);
  await replaceFile(join(site.folder, "env.json"), `${JSON.stringify(variables, null, 2)}\n`);
}

/** The lines that a shell takes. */
export function exportLines(variables: Readonly<Record<string, string>>): string[] {
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
