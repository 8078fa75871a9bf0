import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PlatformProcess } from "./platform_process.ts";

/** A program that behaves as the platform does towards its starter. */
const wellBehaved = `
  const dir = Deno.env.get("DATA_DIR");
  let isReady = false;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("", { status: isReady ? 200 : 503 }));
  Deno.addSignalListener("SIGTERM", async () => { await server.shutdown(); Deno.exit(0); });
  const url = "http://127.0.0.1:" + server.addr.port;
  const extra = Deno.env.get("EXTRA");
  Deno.writeTextFileSync(dir + "/run.json", JSON.stringify({ pid: Deno.pid, url, extra }));
  setTimeout(() => isReady = true, 100);
`;

async function withProgram(
  source: string,
  use: (dataDir: string, program: URL) => Promise<void>,
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  const path = join(dataDir, "program.ts");
  await Deno.writeTextFile(path, source);
  try {
    await use(dataDir, pathToFileURL(path));
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("PlatformProcess.start() waits until the platform is ready, stop() until it has ended", async () => {
  await withProgram(wellBehaved, async (dataDir, program) => {
    // An earlier run's file must not be taken for this run's.
    const stale = { pid: 1, url: "http://127.0.0.1:1" };
    await Deno.writeTextFile(join(dataDir, "run.json"), JSON.stringify(stale));
    const platform = await PlatformProcess.start({ dataDir, program, env: { EXTRA: "x" } });
    assert.equal((platform.info as unknown as { extra: string }).extra, "x");
    const response = await fetch(`${platform.info.url}/health/ready`);
    await response.body?.cancel();
    assert.equal(response.status, 200);
    assert.equal(await platform.stop(), 0);
    assert.equal(await platform.exited, 0);
    assert.equal(await platform.stop(), 0);
  });
});

Deno.test("PlatformProcess.start() fails with the last words of a platform that ends", async () => {
  const program = `console.error("port 80 is taken"); Deno.exit(78);`;
  await withProgram(program, async (dataDir, program) => {
    await assert.rejects(
      PlatformProcess.start({ dataDir, program }),
      /ended with 78\. Its last words:\nport 80 is taken/,
    );
  });
});

Deno.test("PlatformProcess.start() kills a platform that is not ready in time", async () => {
  const program = `Deno.writeTextFileSync(Deno.env.get("DATA_DIR") + "/pid", String(Deno.pid));
    setInterval(() => {}, 1000);`;
  await withProgram(program, async (dataDir, program) => {
    await assert.rejects(
      PlatformProcess.start({ dataDir, program, readyTimeoutMs: 2_000 }),
      /was not ready in time/,
    );
    const pid = Number(await Deno.readTextFile(join(dataDir, "pid")));
    assert.throws(() => Deno.kill(pid, "SIGCONT"), "it must be gone");
  });
});

Deno.test("PlatformProcess.stop() kills a platform that does not drain", async () => {
  const stubborn = wellBehaved.replace(
    /Deno\.addSignalListener.*\n/,
    `
    Deno.addSignalListener("SIGTERM", () => {});\n`,
  );
  await withProgram(stubborn, async (dataDir, program) => {
    const platform = await PlatformProcess.start({ dataDir, program });
    assert.notEqual(await platform.stop(200), 0);
  });
});
