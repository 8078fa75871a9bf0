/**
 * The database folder: made once by initdb, with a password of its own.
 *
 * @module
 */
import { Terminal } from "../../../schema/errors.ts";
import type { Home } from "./home.ts";
import type { Programs } from "./programs.ts";

/** The only role; it owns everything. */
export const role = "gamemetrics";

/**
 * Makes the database folder if there is none.
 *
 * @returns the role's password
 * @throws {Terminal} `store_init`: initdb failed; `store_version`: another major version made it
 */
export async function openCluster(home: Home, programs: Programs): Promise<string> {
  const passwordFile = `${home.path}/password`;
  const found = await Deno.readTextFile(`${home.data}/PG_VERSION`).catch(() => undefined);
  if (found === undefined) await initCluster(home, programs, passwordFile);
  else if (found.trim() !== programs.major) {
    throw new Terminal(
      "store_version",
      `Cannot start PostgreSQL ${programs.major} on ${home.data} as version ${found.trim()} made ` +
        `it: move the data with pg_dump, or start with the platform's earlier version`,
    );
  }
  return (await Deno.readTextFile(passwordFile)).trim();
}

async function initCluster(home: Home, programs: Programs, passwordFile: string): Promise<void> {
  await writeSecret(passwordFile, home);
  // Made beside and renamed, so that a half-made folder is never taken for a database.
  const half = `${home.data}.new`;
  await Deno.remove(half, { recursive: true }).catch(() => {});
  const { success, stderr } = await new Deno.Command(programs.initdb, {
    args: [
      ...["-D", half, "-U", role, "--pwfile", passwordFile, "--auth", "scram-sha-256"],
      ...["--encoding", "UTF8", "--locale", "C", "--no-instructions"],
    ],
    ...commandOptions(home),
    stdout: "null",
    stderr: "piped",
  }).output().catch((cause) => {
    throw new Terminal("store_init", `Cannot run ${programs.initdb}: ${cause.message}`, { cause });
  });
  if (!success) {
    throw new Terminal(
      "store_init",
      `Cannot make the database folder ${home.data}: ${new TextDecoder().decode(stderr).trim()}`,
    );
  }
  await Deno.rename(half, home.data);
}

/** Only the database's user can read it, and root. */
async function writeSecret(path: string, home: Home): Promise<void> {
  const password = crypto.getRandomValues(new Uint8Array(24)).toHex();
  await Deno.remove(path).catch(() => {});
  await Deno.writeTextFile(path, `${password}\n`, { mode: 0o600, createNew: true });
  if (home.user !== undefined) await Deno.chown(path, home.user.uid, home.user.gid);
}

/** How each program of PostgreSQL is run: as its user, in a folder it may enter, from a clean environment. */
export function commandOptions(home: Home): Deno.CommandOptions {
  return {
    ...home.user,
    cwd: "/",
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    stdin: "null",
  };
}
