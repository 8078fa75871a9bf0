/**
 * The task `services`: real servers on loopback for tests and trials.
 *
 * ```sh
 * deno task services up|down|status [kafka postgres redis minio qdrant]
 * ```
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runs, stopDaemon } from "./daemon.ts";
import { kafka } from "./kafka/kafka.ts";
import { print, printProgress } from "./output.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";
import {
  defaultServices,
  type Service,
  type ServiceName,
  serviceNames,
  type Site,
} from "./service.ts";
import {
  exportLines,
  folderOf,
  readLiveRun,
  readRun,
  readVariables,
  removeRun,
  writeRun,
} from "./state_files.ts";

const services: Partial<Record<ServiceName, Service>> = { kafka, postgres, redis };

async function up(site: Site, names: readonly ServiceName[]): Promise<void> {
  for (const name of names) {
    const service = services[name];
    if (service === undefined) throw new Error(`Cannot start ${name}`);
    const running = await readLiveRun(site, name);
    if (running !== undefined) {
      await service.ask(site, running);
      site.progress(`${name} runs`);
      continue;
    }
    // One of several processes may still run.
    await down(site, [name]);
    const began = performance.now();
    await writeRun(site, name, await service.up(site));
    site.progress(`${name} is up after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
  for (const line of exportLines(await readVariables(site))) print(line);
}

async function down(site: Site, names: readonly ServiceName[]): Promise<void> {
  for (const name of names) {
    const run = await readRun(site, name);
    if (run === undefined) continue;
    const how = await Promise.all(
      run.processes.map((entry) => stopDaemon(entry, name === "postgres" ? "SIGINT" : "SIGTERM")),
    );
    await removeRun(site, name);
    site.progress(`${name}: ${how.join(", ")}`);
  }
}

async function status(site: Site, names: readonly ServiceName[]): Promise<void> {
  for (const name of names) {
    const run = await readRun(site, name);
    if (run === undefined) {
      print(`${name.padEnd(9)} -`);
      continue;
    }
    const answer = await services[name]!.ask(site, run)
      .then(() => "answers", (error) => `does not answer: ${(error as Error).message}`);
    for (const entry of run.processes) {
      const state = await runs(entry) ? answer : "gone";
      print(
        `${name.padEnd(9)} pid ${entry.pid}  port ${entry.port}  since ${entry.since}  ${state}`,
      );
    }
  }
}

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    brokers: { type: "string", default: "1" },
    secure: { type: "boolean", default: false },
    folder: { type: "string", default: join(import.meta.dirname!, "..", "..", ".services") },
    "port-offset": { type: "string", default: "0" },
    wipe: { type: "boolean", default: false },
  },
});
const [action, ...wanted] = positionals;
const names = wanted.length > 0 ? wanted as ServiceName[] : defaultServices;
const site: Site = {
  folder: values.folder,
  portOffset: Number(values["port-offset"]),
  brokers: Number(values.brokers),
  secure: values.secure,
  progress: printProgress,
};
await Deno.mkdir(site.folder, { recursive: true });
if (action === "up") await up(site, names);
else if (action === "down") {
  const all = wanted.length > 0 ? names : [...serviceNames];
  await down(site, all);
  if (values.wipe) {
    for (const name of all) {
      await Deno.remove(folderOf(site, name), { recursive: true }).catch(() => {});
    }
  }
} else await status(site, names);
