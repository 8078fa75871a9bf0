import assert from "node:assert/strict";
import { Terminal } from "../../schema/errors.ts";
import { lockDataDir } from "./data_dir_lock.ts";

async function inFolder(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const coded = (code: string) => (error: unknown) =>
  error instanceof Terminal && error.code === code;

Deno.test("lockDataDir() makes the folder and refuses a second owner until released", async () => {
  await inFolder(async (dir) => {
    const dataDir = `${dir}/a/b`;
    const lock = await lockDataDir(dataDir);
    await assert.rejects(
      lockDataDir(dataDir),
      (error) =>
        coded("data_dir_locked")(error) &&
        (error as Error).message.includes(`pid ${Deno.pid}`) &&
        (error as Error).message.includes(dataDir),
    );
    lock.release();
    lock.release();
    (await lockDataDir(dataDir)).release();
  });
});

Deno.test("lockDataDir() of a process that is killed is free at once", async () => {
  await inFolder(async (dir) => {
    const code = `const { lockDataDir } = await import(${
      JSON.stringify(new URL("data_dir_lock.ts", import.meta.url).href)
    }); await lockDataDir(${
      JSON.stringify(dir)
    }); console.log("held"); setInterval(() => {}, 1e6);`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", code],
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await assert.rejects(lockDataDir(dir), coded("data_dir_locked"));
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    (await lockDataDir(dir)).release();
  });
});

Deno.test("lockDataDir() says so when the folder cannot be written", async () => {
  await inFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "");
    await assert.rejects(lockDataDir(`${dir}/file/below`), coded("data_dir_not_writable"));
  });
});
