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

/** `STORE_ADMIN_URL` may create databases and roles; the others are what the platform is given. */
export type ServiceVariable =
  | "LOG_URL"
  | "STORE_URL"
  | "STORE_ADMIN_URL"
  | "CACHE_URL"
  | "VECTORS_URL"
  | "OBJECTS_URL";

/** The service behind each variable: its folder in `.services/`. */
const serviceOf: Readonly<Record<ServiceVariable, string>> = {
  LOG_URL: "kafka",
  STORE_URL: "postgres",
  STORE_ADMIN_URL: "postgres",
  CACHE_URL: "redis",
  VECTORS_URL: "qdrant",
  OBJECTS_URL: "minio",
};

const siteFolder = join(import.meta.dirname!, "..", "..", ".services");

/**
 * The URL of a real server, or `undefined` when none can be had: the environment variable first,
 * else what `services up` wrote, if the processes that it started still live.
 *
 * @param folder where `services up` writes. @default `.services` of this checkout
 */
export function serviceUrl(name: ServiceVariable, folder = siteFolder): string | undefined {
  const named = process.env[name];
  if (named !== undefined && named !== "") return named;
  const run = readJson(join(folder, serviceOf[name], "run.json")) as {
    processes: { pid: number }[];
    variables: Record<string, string>;
  } | undefined;
  if (run === undefined || !run.processes.every(({ pid }) => lives(pid))) return undefined;
  return run.variables[name];
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but is another user's.
    return (error as { code?: string }).code === "EPERM";
  }
}
