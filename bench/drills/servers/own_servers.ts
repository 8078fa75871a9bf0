/**
 * Real servers of a drill's own, which it may kill: a site of `deploy/services` in another folder, on
 * ports of its own. {@link OwnServers.clear} leaves nothing of it.
 *
 * @module
 */
import { down, up } from "../../../deploy/services/actions.ts";
import { kafkaClassPath } from "../../../deploy/services/kafka/jars.ts";
import { javaProgram } from "../../../deploy/services/kafka/kafka.ts";
import { lookFor } from "../../../deploy/services/machine/packages.ts";
import { isFree, portsOf } from "../../../deploy/services/ports.ts";
import { postgresProgram } from "../../../deploy/services/servers/postgres.ts";
import { redisProgram } from "../../../deploy/services/servers/redis.ts";
import type { Site, Variables } from "../../../deploy/services/service.ts";
import { readRun, readVariables } from "../../../deploy/services/state_files.ts";

const programs = { kafka: javaProgram, postgres: postgresProgram, redis: redisProgram } as const;
export type ServerName = keyof typeof programs;

/** Above those that `services up` takes by itself. */
const offset = { min: 200, max: 9_990, step: 10 } as const;

const silent = () => {};
const running = new Set<OwnServers>();

/** Stops the servers of every drill. */
export async function clearAllServers(): Promise<void> {
  await Promise.all([...running].map((servers) => servers.clear()));
}

/** Why a server cannot be had here; `undefined` when all can. */
export async function noServers(names: readonly ServerName[]): Promise<string | undefined> {
  for (const name of names) {
    const spec = programs[name];
    if (await lookFor(spec) === undefined) return `no ${name}: there is no program ${spec.name}`;
  }
  if (!names.includes("kafka")) return undefined;
  const site: Site = { folder: "", portOffset: 0, brokers: 1, secure: false, progress: silent };
  return await kafkaClassPath(site)
    .then(() => undefined, (error) => `no kafka: ${(error as Error).message}`);
}

function freeOffset(brokers: number, names: readonly ServerName[]): number {
  const steps = (offset.max - offset.min) / offset.step;
  for (let i = 0; i < 100; i++) {
    const portOffset = offset.min + offset.step * Math.floor(Math.random() * steps);
    if (names.flatMap((name) => portsOf({ portOffset, brokers }, name)).every(isFree)) {
      return portOffset;
    }
  }
  throw new Error(`Cannot find free ports for ${names.join(", ")}`);
}

export interface ServersOptions {
  /** Kafka's. @default 1 */
  readonly brokers?: 1 | 3;
  /** Where a server listens, if not on the loopback address. */
  readonly hosts?: NonNullable<Site["hosts"]>;
}

export class OwnServers {
  private constructor(readonly site: Site, readonly names: readonly ServerName[]) {
    running.add(this);
  }

  /** @param folder for their data; is made. @throws {Error} one cannot be started */
  static async start(
    folder: string,
    names: readonly ServerName[],
    { brokers = 1, hosts = {} }: ServersOptions = {},
  ): Promise<OwnServers> {
    const portOffset = freeOffset(brokers, names);
    await Deno.mkdir(folder, { recursive: true });
    const site = { folder, portOffset, brokers, hosts, secure: false, progress: silent };
    const servers = new OwnServers(site, names);
    try {
      await up(site, names, { native: true, portOffset });
      return servers;
    } catch (error) {
      await servers.clear();
      throw error;
    }
  }

  /** What a platform is given to use them: `LOG_URL`, `STORE_URL`, … */
  variables(): Promise<Variables> {
    return readVariables(this.site);
  }

  /** Process ids of a server; those of brokers in their order. */
  async pids(name: ServerName): Promise<number[]> {
    return (await readRun(this.site, name))?.processes.map(({ pid }) => pid) ?? [];
  }

  /** Starts a server that does not run, on its old data and port; resolves when it answers. */
  async startAgain(name: ServerName): Promise<void> {
    await up(this.site, [name], { native: true, portOffset: this.site.portOffset });
  }

  /** Stops a server in order; its data stays. */
  async stop(name: ServerName): Promise<void> {
    await down(this.site, [name], false);
  }

  async clear(): Promise<void> {
    if (!running.delete(this)) return;
    await down(this.site, this.names, true);
  }
}
