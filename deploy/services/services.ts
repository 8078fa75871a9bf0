/**
 * The task `services`: real servers on loopback, for tests and trials.
 *
 * @module
 */
import { join } from "node:path";
import { down, status, up } from "./actions.ts";
import { type ServicesOptions, servicesOptions, usage } from "./options.ts";
import { print, printProgress } from "./output.ts";
import type { Site } from "./service.ts";
import { exportLines, readVariables } from "./state_files.ts";

/** @returns the exit code */
async function run(options: ServicesOptions): Promise<number> {
  const partitions = Deno.env.get("PARTITIONS");
  const site: Site = {
    folder: options.folder,
    portOffset: 0,
    brokers: options.brokers,
    secure: options.secure,
    ...(partitions === undefined ? {} : { partitions: Number(partitions) }),
    progress: printProgress,
  };
  if (options.action === "status") return await printStatus(site, options);
  await Deno.mkdir(site.folder, { recursive: true });
  // Two at once would start everything twice.
  using lock = await Deno.open(join(site.folder, "lock"), { write: true, create: true });
  await lock.lock(true);
  if (options.action === "down") {
    await down(site, options.names, options.wipe);
    return 0;
  }
  await up(site, options.names, options);
  const variables = await readVariables(site);
  if (options.json) print(JSON.stringify(variables, null, 2));
  else for (const line of exportLines(variables)) print(line);
  return 0;
}

async function printStatus(site: Site, options: ServicesOptions): Promise<number> {
  const rows = await status(site, options.names);
  if (options.json) print(JSON.stringify(rows, null, 2));
  else if (rows.length === 0) print("Nothing was started.");
  else {
    for (const { service, pid, port, since, engine, secure, health } of rows) {
      const process = pid === null ? engine : `pid ${pid}`;
      const mode = secure ? "  secure" : "";
      print(
        `${service.padEnd(9)} ${process.padEnd(11)} port ${port}  since ${since}${mode}  ${health}`,
      );
    }
  }
  return rows.every(({ health }) => health === "answers") ? 0 : 1;
}

try {
  if (Deno.args.includes("--help")) print(usage);
  else Deno.exitCode = await run(servicesOptions(Deno.args));
} catch (error) {
  printProgress((error as Error).message);
  if (error instanceof RangeError) printProgress(`\n${usage}`);
  Deno.exitCode = 1;
}
