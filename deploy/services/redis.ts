/**
 * Redis from the distribution.
 *
 * @module
 */
import { join } from "node:path";
import { startDaemon, waitUntil } from "./daemon.ts";
import { findProgram } from "./packages.ts";
import { host, portOf } from "./ports.ts";
import type { RunFile, Service, Site } from "./service.ts";
import { folderOf } from "./state_files.ts";

export const redis: Service = { name: "redis", up, ask };

async function up(site: Site): Promise<RunFile> {
  const program = await findProgram(site, {
    name: "redis-server",
    folders: [],
    packages: ["redis-server"],
  });
  const folder = folderOf(site, "redis");
  await Deno.mkdir(join(folder, "data"), { recursive: true });
  const port = portOf(site, "redis");
  const configuration = join(folder, "redis.conf");
  await Deno.writeTextFile(configuration, redisSettings(port, join(folder, "data")), {
    mode: 0o600,
  });
  const logFile = join(folder, "redis.log");
  const entry = await startDaemon({ program, args: [configuration], logFile, cwd: folder, port });
  const run: RunFile = {
    mode: "native",
    secure: site.secure,
    processes: [entry],
    variables: { CACHE_URL: `redis://${host}:${port}` },
  };
  await waitUntil(() => ask(site), [entry], logFile);
  return run;
}

/** The text of `redis.conf`. It is a cache: what it holds may be lost, so nothing is written. */
export function redisSettings(port: number, data: string): string {
  return [
    `bind ${host}`,
    `port ${port}`,
    `dir ${data}`,
    `daemonize no`,
    `save ""`,
    `appendonly no`,
    `maxmemory 256mb`,
    `maxmemory-policy allkeys-lru`,
    "",
  ].join("\n");
}

/** PING. */
async function ask(site: Site): Promise<void> {
  using connection = await Deno.connect({ hostname: host, port: portOf(site, "redis") });
  await connection.write(new TextEncoder().encode("PING\r\n"));
  const answer = new Uint8Array(64);
  const count = await connection.read(answer);
  const text = new TextDecoder().decode(answer.subarray(0, count ?? 0));
  if (!text.startsWith("+PONG")) throw new Error(`Redis answers PING with ${text.trim()}`);
}
