/**
 * Up, down and status of the services of a site.
 *
 * @module
 */
import { stopDaemon, waitUntil } from "./machine/daemon.ts";
import { composeDown, composeUp, hasDocker } from "./machine/docker.ts";
import { kafka } from "./kafka/kafka.ts";
import { findOffset, isFree, portsOf } from "./ports.ts";
import type { RunFile, Service, ServiceName, Site } from "./service.ts";
import { minio } from "./servers/minio.ts";
import { postgres } from "./servers/postgres.ts";
import { qdrant } from "./servers/qdrant.ts";
import { redis } from "./servers/redis.ts";
import { folderOf, isWhole, readRun, removeRun, writeRun } from "./state_files.ts";

const services: Readonly<Record<ServiceName, Service>> = { kafka, postgres, redis, minio, qdrant };

export interface UpOptions {
  /** Without Docker, even where an engine answers. */
  readonly native: boolean;
  readonly portOffset: number | "auto";
}

/**
 * Starts what does not run, and waits until it answers.
 *
 * @throws {Error} one cannot be started; those before it run
 */
export async function up(
  wish: Site,
  names: readonly ServiceName[],
  options: UpOptions,
): Promise<void> {
  const missing: ServiceName[] = [];
  for (const name of names) if (!await isUp(wish, name)) missing.push(name);
  if (missing.length === 0) return;
  const portOffset = options.portOffset === "auto"
    ? findOffset(wish.brokers, missing)
    : options.portOffset;
  const site = { ...wish, portOffset };
  // Users, certificates and several brokers are beyond the compose file.
  const engine = !options.native && !site.secure && site.brokers === 1 && await hasDocker()
    ? "docker"
    : "native";
  for (const name of missing) {
    const began = performance.now();
    try {
      await start(site, services[name], engine);
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`Cannot start ${name}: ${message}`, { cause: error });
    }
    site.progress(`${name} is up after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
}

/** Whether it runs and answers. What is left of one that does not is stopped. */
async function isUp(wish: Site, name: ServiceName): Promise<boolean> {
  const run = await readRun(wish, name);
  if (run === undefined) return false;
  const fault = await healthFault(name, run);
  if (fault !== undefined) {
    wish.progress(`${name} was started and ${fault}: starting it again`);
    await stop(wish, name, run);
    return false;
  }
  const brokers = name === "kafka" && run.engine === "native" ? run.processes.length : undefined;
  if ((wish.secure && !run.secure) || (wish.brokers > 1 && (brokers ?? 1) < wish.brokers)) {
    throw new Error(
      `Cannot change ${name} while it runs: stop it by 'deno task services down ${name}' first`,
    );
  }
  wish.progress(`${name} runs`);
  return true;
}

async function start(site: Site, service: Service, engine: RunFile["engine"]): Promise<void> {
  const taken = portsOf(site, service.name).filter((port) => !isFree(port));
  if (taken.length > 0) {
    throw new Error(
      `port ${taken.join(", ")} of 127.0.0.1 is taken by another program: stop it, or choose ` +
        `other ports with --port-offset`,
    );
  }
  const run: RunFile = {
    engine,
    secure: site.secure,
    since: new Date().toISOString(),
    portOffset: site.portOffset,
    processes: await launch(site, service, engine),
    variables: await service.variables(site),
  };
  // At once: what was started is never forgotten.
  await writeRun(site, service.name, run);
  try {
    await waitUntil(() => (service.askReady ?? service.ask)(run.variables), run.processes);
    await service.prepare?.(site, run.variables);
    // A topic is there before its partitions have leaders.
    await waitUntil(() => service.ask(run.variables), run.processes);
  } catch (error) {
    await stop(site, service.name, run);
    throw error;
  }
}

async function launch(site: Site, service: Service, engine: RunFile["engine"]) {
  if (engine === "docker") {
    site.progress(`starting ${service.name} with Docker …`);
    await composeUp(site, service.name);
    return [];
  }
  if (service.start !== undefined) return await service.start(site);
  throw new Error(
    `it is there for Docker only, and no Docker engine is used here; the platform does without ` +
      `it, on its embedded default`,
  );
}

/**
 * Stops what runs, in reverse order.
 *
 * @param wipe also what they stored
 */
export async function down(
  site: Site,
  names: readonly ServiceName[],
  wipe: boolean,
): Promise<void> {
  for (const name of names.toReversed()) {
    const run = await readRun(site, name);
    if (run !== undefined) {
      await stop(site, name, run, wipe);
      site.progress(`${name} is down`);
    }
    if (!wipe || !await Deno.stat(folderOf(site, name)).then(() => true, () => false)) continue;
    await services[name].wipe?.(site);
    await Deno.remove(folderOf(site, name), { recursive: true });
    site.progress(`${name}: data removed`);
  }
}

async function stop(site: Site, name: ServiceName, run: RunFile, wipe = false): Promise<void> {
  if (run.engine === "docker") await composeDown(site, run, name, wipe);
  await Promise.all(
    run.processes.map((entry) => stopDaemon(entry, services[name].stopSignal)),
  );
  await removeRun(site, name);
}

/** One line of `status`: a process, or a service in a container. */
export interface StatusRow {
  readonly service: ServiceName;
  readonly engine: RunFile["engine"];
  readonly secure: boolean;
  readonly pid: number | null;
  readonly port: number;
  readonly since: string;
  /** `answers`, or what is wrong. */
  readonly health: string;
}

/** Asks each service that was started and not stopped. */
export async function status(site: Site, names: readonly ServiceName[]): Promise<StatusRow[]> {
  const rows = await Promise.all(names.map(async (name): Promise<StatusRow[]> => {
    const run = await readRun(site, name);
    if (run === undefined) return [];
    const health = await healthFault(name, run) ?? "answers";
    const { engine, secure } = run;
    if (engine === "docker") {
      const port = portsOf({ portOffset: run.portOffset, brokers: 1 }, name)[0]!;
      return [{ service: name, engine, secure, pid: null, port, since: run.since, health }];
    }
    return run.processes.map(({ pid, port, since }) => {
      return { service: name, engine, secure, pid, port, since, health };
    });
  }));
  return rows.flat();
}

/** What is wrong with a service that was started; fit to follow its name and "was started and". */
async function healthFault(name: ServiceName, run: RunFile): Promise<string | undefined> {
  if (!await isWhole(run)) return "is gone";
  return await services[name].ask(run.variables)
    .then(() => undefined, (error) => `does not answer: ${(error as Error).message}`);
}
