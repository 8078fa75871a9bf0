/**
 * Where the embedded PostgreSQL lives: `DATA_DIR/postgres`, or a folder elsewhere that a pointer
 * file names when PostgreSQL's user cannot get into `DATA_DIR`.
 *
 * @module
 */
import { Terminal } from "../../../schema/errors.ts";
import { canReach, chooseRunAs, letPass, type RunAs } from "./run_as.ts";

/** The folder of one embedded PostgreSQL: `data/`, `password`, and its programs if copied. */
export interface Home {
  readonly path: string;
  /** The database folder. */
  readonly data: string;
  /** Whom PostgreSQL runs as; `undefined` is ourselves. */
  readonly user: RunAs | undefined;
  /** Not below `DATA_DIR`, so that deleting `DATA_DIR` leaves it behind. */
  readonly isElsewhere: boolean;
}

/** Tried in turn when `DATA_DIR` lies where PostgreSQL's user cannot go, such as below `/root`. */
const elsewhere = ["/var/lib/gamemetrics-pro", "/var/tmp/gamemetrics-pro"];

/**
 * Finds or makes the home of the PostgreSQL of `dataDir`.
 *
 * @throws {Terminal} `store_folder_missing`, `store_folder_forbidden`, `no_unprivileged_user`
 */
export async function openHome(dataDir: string): Promise<Home> {
  const inside = `${await Deno.realPath(dataDir)}/postgres`;
  const pointer = `${inside}.path`;
  const pointed = await Deno.readTextFile(pointer).then((text) => text.trim(), () => undefined);
  const path = pointed ?? inside;
  const owner = await ownerOf(path);
  if (pointed !== undefined && owner === undefined) {
    throw new Terminal(
      "store_folder_missing",
      `Cannot start the store of ${dataDir} as its folder ${pointed} is gone: bring it back, or ` +
        `delete ${dataDir} to begin anew`,
    );
  }
  const user = await chooseRunAs(owner);
  if (owner !== undefined) {
    await assertUsable(path, owner, user);
    return home(path, user, path !== inside);
  }
  if (user === undefined) {
    await Deno.mkdir(inside, { mode: 0o700 });
    return home(inside, user);
  }
  await letPass(dataDir, user);
  if (await canReach(dataDir, user) && await makeFor(inside, user)) return home(inside, user);
  for (const base of elsewhere) {
    // A name of its own, so that a new DATA_DIR never meets the store of a deleted one.
    const other = `${base}/${crypto.randomUUID()}`;
    if (!await makeBase(base) || !await canReach(base, user) || !await makeFor(other, user)) {
      continue;
    }
    await Deno.writeTextFile(pointer, `${other}\n`);
    return home(other, user, true);
  }
  throw new Terminal(
    "store_folder_forbidden",
    `Cannot place the store as PostgreSQL's user ${user.uid} can enter neither ${dataDir} nor ` +
      `${elsewhere.join(" nor ")}: choose a DATA_DIR outside private folders`,
  );
}

function home(path: string, user: RunAs | undefined, isElsewhere = false): Home {
  return { path, data: `${path}/data`, user, isElsewhere };
}

async function ownerOf(path: string): Promise<RunAs | undefined> {
  try {
    const { uid, gid } = await Deno.stat(path);
    return { uid: uid ?? 0, gid: gid ?? 0 };
  } catch {
    return undefined;
  }
}

async function assertUsable(path: string, owner: RunAs, user: RunAs | undefined): Promise<void> {
  const uid = user?.uid ?? Deno.uid();
  if (owner.uid !== uid) {
    throw new Terminal(
      "store_folder_forbidden",
      `Cannot use ${path} as user ${uid} as it belongs to user ${owner.uid}: start the platform ` +
        `as the user who started it first, or choose another DATA_DIR`,
    );
  }
  if (await canReach(path, user)) return;
  throw new Terminal(
    "store_folder_forbidden",
    `Cannot start PostgreSQL as user ${uid} as it may not enter a folder above ${path}: ` +
      `allow it (chmod o+x) or choose another DATA_DIR`,
  );
}

async function makeBase(base: string): Promise<boolean> {
  try {
    await Deno.mkdir(base, { recursive: true });
    await Deno.chmod(base, 0o755);
    return true;
  } catch {
    return false;
  }
}

/** Makes `path` and gives it to `user`; false where that is not possible. */
async function makeFor(path: string, user: RunAs): Promise<boolean> {
  try {
    await Deno.mkdir(path, { mode: 0o700 });
    await Deno.chown(path, user.uid, user.gid);
    return true;
  } catch {
    await Deno.remove(path).catch(() => {});
    return false;
  }
}
