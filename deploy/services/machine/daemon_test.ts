import assert from "node:assert/strict";
import type { ProcessEntry } from "../service.ts";
import { identityOf, runs, startDaemon, startTick, stopDaemon, waitUntil } from "./daemon.ts";

/** Runs `body` with a daemon that runs this shell script. */
async function withDaemon(
  script: string,
  body: (entry: ProcessEntry, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gamemetrics-services-" });
  const entry = await startDaemon({
    program: "/bin/sh",
    args: ["-c", script],
    logFile: `${folder}/log`,
    cwd: folder,
    port: 1,
  });
  try {
    await body(entry, folder);
  } finally {
    await stopDaemon(entry, "SIGKILL");
    await Deno.remove(folder, { recursive: true });
  }
}

/** Rejects until the log has this line. */
function logHas(folder: string, line: string): () => Promise<void> {
  return async () => {
    const text = await Deno.readTextFile(`${folder}/log`);
    if (!text.includes(line)) throw new Error("not yet");
  };
}

Deno.test("startDaemon() starts a process that stopDaemon() stops in order", () =>
  withDaemon(
    "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.05; done",
    async (entry, folder) => {
      await waitUntil(logHas(folder, "ready"), [entry]);
      assert.equal(await runs(entry), true);
      assert.equal(await stopDaemon(entry, "SIGTERM"), "stopped");
      assert.equal(await runs(entry), false);
      assert.match(await Deno.readTextFile(`${folder}/log`), /bye/);
      assert.equal(await stopDaemon(entry, "SIGTERM"), "gone");
    },
  ));

Deno.test("stopDaemon() ends by force what does not listen", () =>
  withDaemon("trap '' TERM; echo ready; while :; do sleep 0.05; done", async (entry, folder) => {
    await waitUntil(logHas(folder, "ready"), [entry]);
    assert.equal(await stopDaemon(entry, "SIGTERM", 1_000), "killed");
    assert.equal(await runs(entry), false);
  }));

Deno.test("stopDaemon() leaves a process alone that only has the pid", () =>
  withDaemon("exec sleep 60", async (entry) => {
    const stale = { ...entry, identity: "another boot/1" };
    assert.equal(await stopDaemon(stale, "SIGKILL"), "gone");
    assert.equal(await runs(entry), true);
  }));

Deno.test("startDaemon() passes no secret of our environment on", async () => {
  Deno.env.set("GAMEMETRICS_TEST_SECRET", "hunter2");
  try {
    await withDaemon("env; echo end", async (entry, folder) => {
      // It ends by itself; its last line says that all was written.
      await waitUntil(logHas(folder, "end"), []);
      const text = await Deno.readTextFile(`${folder}/log`);
      assert.match(text, /^PATH=/m);
      assert.doesNotMatch(text, /hunter2/);
      assert.equal(entry.port, 1);
    });
  } finally {
    Deno.env.delete("GAMEMETRICS_TEST_SECRET");
  }
});

Deno.test("waitUntil() gives up at once when the process has ended, with the end of its log", () =>
  withDaemon("echo no space left; exit 1", async (entry) => {
    const never = () => Promise.reject(new Error("nobody there"));
    await assert.rejects(waitUntil(never, [entry], 60_000), /ended by itself.*no space left/s);
  }));

Deno.test("waitUntil() gives up in time, with the last reason", async () => {
  const never = () => Promise.reject(new Error("nobody there"));
  await assert.rejects(waitUntil(never, [], 10), /does not answer after 0.01 s: nobody there/);
});

Deno.test("startTick() is not taken in by brackets and spaces in a program's name", () => {
  const rest = ["S", ...Array.from({ length: 18 }, (_, i) => String(i + 4)), "777", "23"];
  assert.equal(startTick(`12 (a) b (c)) ${rest.join(" ")}`), "777");
  assert.equal(startTick(""), undefined);
});

Deno.test("identityOf() tells nothing of a pid that nobody has", async () => {
  // Above the largest pid there is.
  assert.equal(await identityOf(2 ** 22 + 1), "");
});
