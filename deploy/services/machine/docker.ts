/**
 * Services as containers, where an engine answers: `deploy/compose.yaml`.
 *
 * @module
 */
import { join } from "node:path";
import { passwordOf } from "../passwords.ts";
import { portOf } from "../ports.ts";
import type { RunFile, ServiceName, Site } from "../service.ts";

const composeFile = join(import.meta.dirname!, "..", "..", "compose.yaml");

/** Whether there is an engine that answers, with Compose. */
export async function hasDocker(): Promise<boolean> {
  for (const args of [["info"], ["compose", "version"]]) {
    if ((await docker(args, {}, 5_000))?.success !== true) return false;
  }
  return true;
}

/** The project's name: sites side by side have containers and volumes of their own. */
function project(portOffset: number): string {
  return `gamemetrics-services-${portOffset}`;
}

/** Starts a service and waits until the engine calls it healthy. Images are pulled when missing. */
export async function composeUp(site: Site, name: ServiceName): Promise<void> {
  await compose(site, site.portOffset, ["up", "--detach", "--wait", name]);
}

/** Stops a service. @param wipe also what it stored */
export async function composeDown(
  site: Site,
  run: RunFile,
  name: ServiceName,
  wipe: boolean,
): Promise<void> {
  await compose(site, run.portOffset, ["rm", "--stop", "--force", name]);
  if (!wipe) return;
  const volume = `${project(run.portOffset)}_${name}`;
  const result = await docker(["volume", "rm", "--force", volume], {});
  if (result?.success !== true) throw new Error(`Cannot remove the volume ${volume}`);
}

async function compose(site: Site, portOffset: number, args: readonly string[]): Promise<void> {
  const at = { portOffset };
  const result = await docker(
    ["compose", "--file", composeFile, "--project-name", project(portOffset), ...args],
    {
      KAFKA_PORT: String(portOf(at, "kafka")),
      POSTGRES_PORT: String(portOf(at, "postgres")),
      REDIS_PORT: String(portOf(at, "redis")),
      MINIO_PORT: String(portOf(at, "minio")),
      QDRANT_PORT: String(portOf(at, "qdrant")),
      POSTGRES_PASSWORD: await passwordOf(site, "postgres"),
      MINIO_PASSWORD: await passwordOf(site, "minio"),
    },
  );
  if (result?.success === true) return;
  throw new Error(`'docker compose ${args.join(" ")}' says:\n${result?.text ?? "nothing"}`);
}

async function docker(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs = 600_000,
): Promise<{ success: boolean; text: string } | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("docker", {
      args: [...args],
      env,
      stdin: "null",
      signal: AbortSignal.timeout(timeoutMs),
    }).output();
    return { success, text: new TextDecoder().decode(stderr).trim() };
  } catch {
    // No such program, or one that we may not run.
    return undefined;
  }
}
