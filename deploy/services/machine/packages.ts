/**
 * Programs that the distribution has: found, or installed where we may.
 *
 * @module
 */
import { join } from "node:path";
import type { Site } from "../service.ts";

export interface ProgramSpec {
  readonly name: string;
  /** Looked into before `PATH`. */
  readonly folders: readonly string[];
  /** The Debian packages that bring it. */
  readonly packages: readonly string[];
  /** Whether we may install it. @default true */
  readonly installs?: boolean;
}

/**
 * The path of a program; installs its packages if it is missing, we are root and there is `apt-get`.
 *
 * @throws {Error} with the command that installs it
 */
export async function findProgram(site: Site, spec: ProgramSpec): Promise<string> {
  const found = await lookFor(spec);
  if (found !== undefined) return found;
  const command = `apt-get install -y --no-install-recommends ${spec.packages.join(" ")}`;
  const mayInstall = spec.installs !== false && Deno.uid() === 0 &&
    await lookFor({ ...spec, name: "apt-get", folders: [] }) !== undefined;
  if (!mayInstall) {
    throw new Error(`Cannot find ${spec.name}: install it first, on Debian as root by: ${command}`);
  }
  site.progress(`installing ${spec.packages.join(" ")} …`);
  await apt(["update"]);
  await apt(["install", "-y", "--no-install-recommends", ...spec.packages]);
  const installed = await lookFor(spec);
  if (installed !== undefined) return installed;
  throw new Error(`Cannot find ${spec.name} although '${command}' went well`);
}

/** The path of a program that is there already. */
export async function lookFor({ name, folders }: ProgramSpec): Promise<string | undefined> {
  const path = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  for (const folder of [...folders, ...path]) {
    const candidate = join(folder, name);
    const stat = await Deno.stat(candidate).catch(() => undefined);
    if (stat?.isFile && ((stat.mode ?? 0) & 0o111) !== 0) return candidate;
  }
  return undefined;
}

async function apt(args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("apt-get", {
    args: ["-q", "-o", "DPkg::Lock::Timeout=300", ...args],
    // RUNLEVEL=1 keeps a package's script from starting a server of its own.
    env: { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
    stdin: "null",
  }).output();
  if (success) return;
  const text = new TextDecoder().decode(stderr) || new TextDecoder().decode(stdout);
  throw new Error(`Cannot install: 'apt-get ${args.join(" ")}' says:\n${text.trim()}`);
}
