/**
 * Redis from the distribution.
 *
 * @module
 */
import { join } from "node:path";
import { certificatesOf } from "../certificates.ts";
import { startDaemon } from "../machine/daemon.ts";
import { findProgram } from "../machine/packages.ts";
import { passwordOf } from "../passwords.ts";
import { host, portOf } from "../ports.ts";
import type { ProcessEntry, Service, Site, Variables } from "../service.ts";
import { folderOf } from "../state_files.ts";

export const redis: Service = { name: "redis", variables, start, ask, stopSignal: "SIGTERM" };

export const redisProgram = { name: "redis-server", folders: [], packages: ["redis-server"] };

/** The platform's user, where users have passwords. */
const user = "gamemetrics";

async function variables(site: Site): Promise<Variables> {
  const place = `${host}:${portOf(site, "redis")}`;
  if (!site.secure) return { CACHE_URL: `redis://${place}` };
  const password = await passwordOf(site, "redis-gamemetrics");
  const { ca } = await certificatesOf(site);
  return { CACHE_URL: `rediss://${user}:${password}@${place}?ca=${ca}` };
}

async function start(site: Site): Promise<ProcessEntry[]> {
  const program = await findProgram(site, redisProgram);
  const folder = folderOf(site, "redis");
  await Deno.mkdir(join(folder, "data"), { recursive: true });
  const port = portOf(site, "redis");
  const settings = redisSettings(port, join(folder, "data"));
  if (site.secure) {
    const { ca, cert, key } = await certificatesOf(site);
    const password = await passwordOf(site, "redis-gamemetrics");
    settings.push(...secureSettings(port, { ca, cert, key, password }));
  } else settings.push(`port ${port}`);
  const configuration = join(folder, "redis.conf");
  await Deno.writeTextFile(configuration, `${settings.join("\n")}\n`, { mode: 0o600 });
  const logFile = join(folder, "redis.log");
  return [await startDaemon({ program, args: [configuration], logFile, cwd: folder, port })];
}

/** Lines of `redis.conf`. It is a cache: what it holds may be lost, so nothing is written. */
function redisSettings(port: number, data: string): string[] {
  return [
    `bind ${host}`,
    `dir "${data}"`,
    `daemonize no`,
    `save ""`,
    `appendonly no`,
    `maxmemory 256mb`,
    `maxmemory-policy allkeys-lru`,
    // Beside its port it would open this one for a cluster's bus, if it were one.
    `cluster-port ${port + 10_000}`,
  ];
}

/** TLS only, nobody without a password, and a user who can neither configure nor stop the server. */
function secureSettings(
  port: number,
  { ca, cert, key, password }: { ca: string; cert: string; key: string; password: string },
): string[] {
  return [
    `port 0`,
    `tls-port ${port}`,
    `tls-ca-cert-file "${ca}"`,
    `tls-cert-file "${cert}"`,
    `tls-key-file "${key}"`,
    `tls-auth-clients no`,
    `user default off`,
    // INFO is among the dangerous ones, and clients ask it whether the server is ready.
    `user ${user} on >${password} ~* &* +@all -@admin -@dangerous +info`,
  ];
}

/** PING, as the platform's user. */
async function ask({ CACHE_URL }: Variables): Promise<void> {
  const url = new URL(CACHE_URL!);
  const place = { hostname: url.hostname, port: Number(url.port) };
  const ca = url.searchParams.get("ca");
  using connection = ca === null
    ? await Deno.connect(place)
    : await Deno.connectTls({ ...place, caCerts: [await Deno.readTextFile(ca)] });
  const auth = url.password === "" ? "" : `AUTH ${url.username} ${url.password}\r\n`;
  await connection.write(new TextEncoder().encode(`${auth}PING\r\n`));
  const expected = auth === "" ? "+PONG\r\n" : "+OK\r\n+PONG\r\n";
  let text = "";
  const chunk = new Uint8Array(256);
  while (text.length < expected.length && !text.startsWith("-")) {
    const count = await connection.read(chunk);
    if (count === null) break;
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
  if (text !== expected) throw new Error(`Redis answers PING with ${JSON.stringify(text)}`);
}
