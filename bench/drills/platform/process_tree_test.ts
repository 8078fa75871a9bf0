import assert from "node:assert/strict";
import { isAlive } from "../../../supervisor/store/embedded/postmaster.ts";
import { familyOf, freeze, killFamily, residentBytes, thaw, titleOf } from "./process_tree.ts";

const ignore = Deno.build.os !== "linux";

/** A shell with a child that ignores hang-ups and terms, in a session of its own. */
function spawnFamily(): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", "trap '' TERM HUP; setsid sh -c 'sleep 60 & wait' & wait"],
    stdin: "null",
    stdout: "null",
    detached: true,
  }).spawn();
}

async function grown(pid: number, size: number): Promise<number[]> {
  for (;;) {
    const family = familyOf([pid]);
    if (family.length >= size) return family;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits: a process on another core takes its signal a moment later. */
async function untilAll(family: readonly number[], isStopped: boolean): Promise<void> {
  const stateOf = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/status`);
  const deadline = performance.now() + 10_000;
  while (!family.every((pid) => /State:\s+T/.test(stateOf(pid)) === isStopped)) {
    assert.ok(performance.now() < deadline, `not all ${isStopped ? "stopped" : "go on"}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test({
  name: "killFamily() kills descendants in other sessions, too",
  ignore,
  async fn() {
    const child = spawnFamily();
    const family = await grown(child.pid, 3);
    assert.equal(family[0], child.pid);
    assert.equal(await killFamily([child.pid]), family.length);
    for (const pid of family) assert.equal(await isAlive(pid), false);
    assert.equal((await child.status).signal, "SIGKILL");
  },
});

Deno.test({
  name: "freeze() stops all of a family and thaw() lets it go on",
  ignore,
  async fn() {
    const child = spawnFamily();
    await grown(child.pid, 3);
    const stopped = freeze([child.pid]);
    await untilAll(stopped, true);
    thaw(stopped);
    await untilAll(stopped, false);
    await killFamily([child.pid]);
    await child.status;
  },
});

Deno.test({
  name: "familyOf(), titleOf() know nothing of a process that is gone",
  ignore,
  async fn() {
    const child = new Deno.Command("true").spawn();
    await child.status;
    assert.deepEqual(familyOf([child.pid]), []);
    assert.equal(titleOf(child.pid), "");
    assert.ok(residentBytes(Deno.pid) > 1_000_000);
    assert.match(titleOf(Deno.pid), /deno/);
  },
});
