/**
 * The real servers that tests may use: those that the environment names, or those that
 * `deno task services up` started.
 *
 * ```ts ignore
 * const url = serviceUrl("CACHE_URL");
 * Deno.test({ name: "…", ignore: url === undefined, async fn() { … } });
 * ```
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** The service behind each variable: its folder in `.services/`. */
const serviceOf = {
  LOG_URL: "kafka",
  STORE_URL: "postgres",
  STORE_ADMIN_URL: "postgres",
  CACHE_URL: "redis",
  VECTORS_URL: "qdrant",
  OBJECTS_URL: "minio",
} as const;

/** `STORE_ADMIN_URL` may create databases and roles; the others are what the platform is given. */
export type ServiceVariable = keyof typeof serviceOf;

/**
 * The environment for tests: what a shell exports to the platform gets names that only tests read,
 * or the platforms that tests start on embedded defaults would take it for themselves.
 */
export function testEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(serviceOf);
  return Object.fromEntries(
    Object.entries(env).map((
      [name, value],
    ) => [names.includes(name) ? `TEST_${name}` : name, value]),
  );
}

const siteFolder = join(import.meta.dirname!, "..", "..", ".services");

/**
 * The URL of a real server, or `undefined` when none can be had: the environment variable first
 * (`TEST_LOG_URL`, which `deno task test` makes of `LOG_URL`, or itself), else what `services up`
 * wrote, if the processes that it started still live.
 *
 * @param folder where `services up` writes. @default `.services` of this checkout
 */
export function serviceUrl(name: ServiceVariable, folder = siteFolder): string | undefined {
  const named = process.env[`TEST_${name}`] || process.env[name];
  if (named) return named;
  const run = readJson(join(folder, serviceOf[name], "run.json")) as {
    processes: ProcessEntry[];
    variables: Record<string, string>;
  } | undefined;
  if (run === undefined || !run.processes.every(lives)) return undefined;
  return run.variables[name];
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readText(path));
  } catch {
    return undefined;
  }
}

/** What `run.json` says of a process. */
interface ProcessEntry {
  readonly pid: number;
  /** On Linux it ends with the tick at which the process started. */
  readonly identity: string;
}

function lives({ pid, identity }: ProcessEntry): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but is another user's.
    if ((error as { code?: string }).code !== "EPERM") return false;
  }
  if (process.platform !== "linux") return true;
  // After the name in brackets: the state, which is Z when it only waits to be reaped, and 18 more
  // fields before the start.
  const stat = readText(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] !== "Z" && identity.endsWith(`/${fields[19]}`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
