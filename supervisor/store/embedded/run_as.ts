/**
 * PostgreSQL refuses to run as root. When we are root it runs as another user of the machine, and
 * whatever it has to reach must be reachable for that user.
 *
 * @module
 */
import { Terminal } from "../../../schema/errors.ts";

/** The user that PostgreSQL runs as. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/** In order of preference. initdb looks its user up by name, so an arbitrary number would not do. */
const candidates = ["postgres", "_postgres", "nobody"];

/**
 * Whom to run as: `undefined` (ourselves) unless we are root. `owner` is the owner of an existing
 * database folder; it stays the owner even if a better candidate has appeared meanwhile.
 *
 * @throws {Terminal} `no_unprivileged_user`
 */
export async function chooseRunAs(owner?: RunAs): Promise<RunAs | undefined> {
  if (Deno.uid() !== 0) return undefined;
  if (owner !== undefined && owner.uid !== 0) return owner;
  const passwd = await Deno.readTextFile("/etc/passwd").catch(() => "");
  const found = findUser(passwd, candidates);
  if (found !== undefined) return found;
  throw new Terminal(
    "no_unprivileged_user",
    `Cannot start PostgreSQL as root, and /etc/passwd has none of ${candidates.join(", ")}: ` +
      `add one, or start the platform as a user other than root`,
  );
}

/** The first of `names` in the text of a passwd file that is not root. */
export function findUser(passwd: string, names: readonly string[]): RunAs | undefined {
  const lines = passwd.split("\n").map((line) => line.split(":"));
  for (const name of names) {
    const line = lines.find((fields) => fields[0] === name);
    if (line === undefined) continue;
    // macOS writes -2 for nobody; the kernel takes it as an unsigned number.
    const uid = Number(line[2]) >>> 0;
    const gid = Number(line[3]) >>> 0;
    if (uid !== 0) return { uid, gid };
  }
  return undefined;
}

/** Whether `user` may pass through (`x`) the folder `path` and all above it. `path` must exist. */
export async function canReach(path: string, user: RunAs | undefined): Promise<boolean> {
  if (user === undefined) return true;
  for (let at = await Deno.realPath(path);; at = at.slice(0, at.lastIndexOf("/"))) {
    if (!mayPass(await Deno.stat(at === "" ? "/" : at), user)) return false;
    if (at === "" || at === "/") return true;
  }
}

function mayPass(stat: Deno.FileInfo, user: RunAs): boolean {
  const mode = stat.mode ?? 0;
  if (stat.uid === user.uid) return (mode & 0o100) !== 0;
  if (stat.gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/**
 * Lets `user` pass through `dir`, a folder of ours, without opening it to anybody else: by its
 * group, if that is root's and so means nothing yet. Does nothing where it must not.
 */
export async function letPass(dir: string, user: RunAs): Promise<void> {
  const stat = await Deno.stat(dir);
  if (mayPass(stat, user) || stat.uid !== 0 || stat.gid !== 0) return;
  try {
    await Deno.chown(dir, 0, user.gid);
    await Deno.chmod(dir, (stat.mode ?? 0) & 0o7777 & ~0o060 | 0o010);
  } catch {
    // A file system without owners (some mounts): the caller finds that `dir` cannot be reached.
  }
}
