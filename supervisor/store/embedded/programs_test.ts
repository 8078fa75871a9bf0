import assert from "node:assert/strict";
import { openCluster } from "./cluster.ts";
import { openHome } from "./home.ts";
import { openPrograms, packageRoot } from "./programs.ts";

/** Links each file of a folder to another place: as good as a copy, and quick. */
async function linkFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    if (isDirectory) await linkFolder(source, target);
    // Not every file system can link to another.
    else if (isFile) await Deno.link(source, target).catch(() => Deno.copyFile(source, target));
  }
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gamemetrics-store-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openPrograms() runs from the package and makes its links once", async () => {
  await inFolder(async (folder) => {
    await Deno.chmod(folder, 0o755);
    const root = `${folder}/package`;
    await linkFolder(await packageRoot(), root);
    const dataDir = `${folder}/data`;
    await Deno.mkdir(dataDir);
    const home = await openHome(dataDir);
    const programs = await openPrograms(home, root);
    assert.equal(programs.postgres, `${root}/native/bin/postgres`);
    assert.equal(programs.major, "18");
    assert.deepEqual(await openPrograms(home, root), programs);
    assert.match(await openCluster(home, programs), /^[0-9a-f]{48}$/);
  });
});

Deno.test({
  name:
    "openPrograms() copies a package that PostgreSQL's user cannot reach, and completes the copy",
  ignore: Deno.uid() !== 0,
  async fn() {
    await inFolder(async (folder) => {
      await Deno.chmod(folder, 0o755);
      const closed = `${folder}/closed`;
      await linkFolder(await packageRoot(), closed);
      await Deno.chmod(closed, 0o700);
      const dataDir = `${folder}/data`;
      await Deno.mkdir(dataDir);
      const home = await openHome(dataDir);
      const programs = await openPrograms(home, closed);
      assert.ok(programs.postgres.startsWith(`${home.path}/programs-`));
      // As after a power loss in the middle.
      await Deno.truncate(programs.postgres, 1000);
      await Deno.remove(programs.initdb);
      await openPrograms(home, closed);
      assert.match(await openCluster(home, programs), /^[0-9a-f]{48}$/);
    });
  },
});
