import assert from "node:assert/strict";
import { join } from "node:path";
import { exitCode } from "../../schema/exit_codes.ts";
import { startTestingServer, stopTestingServer } from "../store/embedded/testing_server.ts";

const program = new URL("../main.ts", import.meta.url);

function start(env: Record<string, string>): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program.href],
    env: { PORT: "0", ADMIN_PORT: "0", WORKERS: "1", LOG_LEVEL: "warn", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!await holds()) {
    assert.ok(performance.now() < end, "it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

Deno.test("a second node with a log of its own is refused by the store, and says why", async () => {
  const server = await startTestingServer();
  const dir = await Deno.makeTempDir();
  const first = start({ DATA_DIR: join(dir, "a"), STORE_URL: server.url });
  const output = first.output();
  try {
    // Written once the store has taken it.
    await until(() => Deno.stat(join(dir, "a", "run.json")).then(() => true, () => false));
    const second = await start({ DATA_DIR: join(dir, "b"), STORE_URL: server.url }).output();
    const text = new TextDecoder().decode(second.stdout) + new TextDecoder().decode(second.stderr);
    assert.equal(second.code, exitCode.badConfiguration, text);
    assert.match(text, /another log \(sqlite [0-9a-f-]{36}\).*LOG_URL=kafka:/);
    first.kill("SIGTERM");
    assert.equal((await output).code, exitCode.drained);
    // Its own log is welcome again.
    const again = start({ DATA_DIR: join(dir, "a"), STORE_URL: server.url });
    const ended = again.output();
    await Deno.remove(join(dir, "a", "run.json"));
    await until(() => Deno.stat(join(dir, "a", "run.json")).then(() => true, () => false));
    again.kill("SIGTERM");
    assert.equal((await ended).code, exitCode.drained);
  } finally {
    try {
      first.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await output;
    await stopTestingServer(server);
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a node that is told of others on an embedded log or store is refused, with all reasons", async () => {
  const { code, stdout, stderr } = await start({ CLUSTER_TOKEN: "c" }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, exitCode.badConfiguration);
  for (const variable of ["ADVERTISED_URL", "LOG_URL", "STORE_URL"]) {
    assert.match(text, new RegExp(variable));
  }
});
