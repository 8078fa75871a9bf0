import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { packageRoot } from "./programs.ts";

const nobody = 65_534;

/** Starts, adopts after a kill, stops; prints what it found. Run by the plain user. */
const program = `
import postgres from "postgres";
import { topicTable } from "./schema/topics.ts";
import { startEmbeddedPostgres } from "./supervisor/store/embedded_postgres.ts";
import { prepareDatabase } from "./supervisor/store/migrate.ts";

const server = await startEmbeddedPostgres({ dataDir: Deno.args[0] });
const applied = await prepareDatabase(server.url, topicTable());
const sql = postgres(server.url, { max: 1 });
const [row] = await sql\`select count(*)::int as shards from shard\`;
await sql.end();
console.log(JSON.stringify({ uid: Deno.uid(), adopted: server.adopted, applied: applied.length > 0, ...row }));
if (Deno.args[1] === "die") Deno.kill(Deno.pid, "SIGKILL");
await server.stop();
`;

/** Copies a folder without its links, as an unpacked npm package has none. */
async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** A checkout that belongs to root, with packages that the plain user can read and not write. */
async function makeCheckout(folder: string): Promise<void> {
  const repository = new URL("../../../", import.meta.url).pathname;
  for (const part of ["schema", "supervisor/store", "supervisor/observability"]) {
    await copyFolder(`${repository}${part}`, `${folder}/${part}`);
  }
  const client = createRequire(import.meta.url).resolve("postgres");
  const clientRoot = client.slice(0, client.lastIndexOf("/postgres/") + "/postgres".length);
  const binaries = await packageRoot();
  const name = JSON.parse(await Deno.readTextFile(`${binaries}/package.json`)).name;
  await copyFolder(clientRoot, `${folder}/node_modules/postgres`);
  await copyFolder(binaries, `${folder}/node_modules/${name}`);
  const manifest = { type: "module", dependencies: { postgres: "*", [name]: "*" } };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(manifest));
  await Deno.writeTextFile(`${folder}/deno.json`, `{ "nodeModulesDir": "manual" }`);
  await Deno.writeTextFile(`${folder}/program.ts`, program);
  // Deno itself may lie below root's home.
  await Deno.copyFile(Deno.execPath(), `${folder}/deno`);
}

Deno.test({
  name: "startEmbeddedPostgres() works for a plain user in a checkout that belongs to root",
  ignore: Deno.uid() !== 0,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "gamemetrics-store-" });
    try {
      await Deno.chmod(folder, 0o755);
      await makeCheckout(`${folder}/checkout`);
      const own = `${folder}/own`;
      await Deno.mkdir(own);
      await Deno.chown(own, nobody, nobody);
      const run = async (...more: string[]) => {
        const { stdout, stderr } = await new Deno.Command(`${folder}/checkout/deno`, {
          args: ["run", "-A", "--no-check", "--no-lock", "program.ts", `${own}/data`, ...more],
          cwd: `${folder}/checkout`,
          clearEnv: true,
          env: { PATH: "/usr/bin:/bin", HOME: own, DENO_DIR: `${own}/deno` },
          uid: nobody,
          gid: nobody,
        }).output();
        const text = new TextDecoder().decode(stdout);
        assert.match(text, /^\{/, new TextDecoder().decode(stderr));
        return JSON.parse(text);
      };
      const uid = nobody;
      const first = await run("die");
      assert.deepEqual(first, { uid, adopted: false, applied: true, shards: 0 });
      const second = await run();
      assert.deepEqual(second, { uid, adopted: true, applied: false, shards: 0 });
      const third = await run();
      assert.deepEqual(third, { uid, adopted: false, applied: false, shards: 0 });
      // It could not make the links in the package, so it runs from a copy.
      const copies = [...Deno.readDirSync(`${own}/data/postgres`)]
        .filter(({ name }) => name.startsWith("programs-"));
      assert.equal(copies.length, 1);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
