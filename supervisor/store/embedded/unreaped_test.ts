import assert from "node:assert/strict";
import { startEmbeddedPostgres } from "../embedded_postgres.ts";
import { chooseRunAs, type RunAs } from "./run_as.ts";
import { isAlive, passUnreaped, postmasterFile } from "./postmaster.ts";

/** A dead process of the server's user whose parent never asks for its end, and that parent. */
async function newUnreaped(
  user: RunAs | undefined,
): Promise<{ pid: number; parent: Deno.ChildProcess }> {
  const parent = new Deno.Command("sh", {
    args: ["-c", "sleep 600 >/dev/null & echo $!; exec sleep 600"],
    ...user,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = parent.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  await reader.cancel();
  const title = () => Deno.readTextFile(`/proc/${parent.pid}/cmdline`);
  // Until then it is a shell, which would reap.
  while (!(await title()).startsWith("sleep")) await new Promise((r) => setTimeout(r, 5));
  Deno.kill(pid, "SIGKILL");
  while (await isAlive(pid)) await new Promise((r) => setTimeout(r, 5));
  return { pid, parent };
}

async function end(parent: Deno.ChildProcess): Promise<void> {
  parent.kill("SIGKILL");
  await parent.status;
}

const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "passUnreaped() takes over a file in a dead pid's name, and no other",
  onLinux,
  async () => {
    const data = await Deno.makeTempDir({ prefix: "gamemetrics-unreaped-" });
    const { pid, parent } = await newUnreaped(await chooseRunAs());
    try {
      const write = (owner: number) =>
        Deno.writeTextFile(postmasterFile(data), `${owner}\n${data}\n1\n5432\n`);
      assert.equal(await passUnreaped(data), false);
      for (const alive of [parent.pid, Deno.pid]) {
        await write(alive);
        assert.equal(await passUnreaped(data), false);
      }
      await write(pid);
      assert.equal(await passUnreaped(data), true);
      const text = await Deno.readTextFile(postmasterFile(data));
      assert.equal(text, `${Deno.pid}\n${data}\n1\n5432\n`);
    } finally {
      await end(parent);
      await Deno.remove(data, { recursive: true });
    }
  },
);

Deno.test(
  "startEmbeddedPostgres() does not wait for a dead server to be reaped",
  onLinux,
  async () => {
    const dataDir = await Deno.makeTempDir({ prefix: "gamemetrics-store-" });
    const { pid, parent } = await newUnreaped(await chooseRunAs());
    try {
      const first = await startEmbeddedPostgres({ dataDir });
      const file = postmasterFile(`${dataDir}/postgres/data`);
      Deno.kill(first.pid, "SIGKILL");
      await first.exited;
      await first.stop();
      const [, ...lines] = (await Deno.readTextFile(file)).split("\n");
      await Deno.writeTextFile(file, [pid, ...lines].join("\n"));
      // Nobody reaps it meanwhile: who waits for that waits in vain.
      const second = await startEmbeddedPostgres({ dataDir, startTimeoutMs: 30_000 });
      assert.equal(second.adopted, false);
      await second.stop();
    } finally {
      await end(parent);
      await Deno.remove(dataDir, { recursive: true });
    }
  },
);
