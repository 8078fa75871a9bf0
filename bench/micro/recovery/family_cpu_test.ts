import assert from "node:assert/strict";
import { cpuSecondsOf } from "./family_cpu.ts";

Deno.test({
  name: "cpuSecondsOf() counts what a process has run",
  ignore: Deno.build.os !== "linux",
  fn() {
    const before = cpuSecondsOf([Deno.pid]);
    const deadline = performance.now() + 20_000;
    // Busy until the kernel's ticks show it, however little of the machine is ours.
    while (cpuSecondsOf([Deno.pid]) < before + 0.05) {
      assert.ok(performance.now() < deadline, "20 s of work and no processor time");
    }
    assert.equal(cpuSecondsOf([]), 0);
  },
});
