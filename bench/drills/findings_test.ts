import assert from "node:assert/strict";
import { Findings } from "./findings.ts";

Deno.test("Findings pass while everything holds, and tell what does not, faults first", () => {
  const findings = new Findings();
  findings.count("lost", 0);
  findings.atLeast("accepting_ms", 12.34567);
  findings.atLeast("accepting_ms", 3);
  findings.remark("a remark");
  findings.require(true, "lost 0");
  assert.deepEqual(findings.result(), {
    pass: true,
    counts: { lost: 0, accepting_ms: 12.346 },
    notes: ["a remark"],
  });
  findings.require(false, "lost 0: 3");
  assert.equal(findings.result().pass, false);
  assert.deepEqual(findings.result().notes, ["lost 0: 3", "a remark"]);
});
