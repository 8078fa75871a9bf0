import assert from "node:assert/strict";
import { stripColours, TestReport } from "./test_report.ts";

function reportOf(text: string): TestReport {
  const report = new TestReport();
  for (const line of text.split("\n")) report.take(line);
  return report;
}

const coloured = `
\x1b[0m\x1b[38;5;245mrunning 4 tests from ./log/kafka_test.ts\x1b[0m
plain ... \x1b[0m\x1b[32mok\x1b[0m \x1b[0m\x1b[38;5;245m(506µs)\x1b[0m
needs kafka ... \x1b[0m\x1b[33mignored\x1b[0m \x1b[0m\x1b[38;5;245m(0ms)\x1b[0m
  step ... \x1b[0m\x1b[33mignored\x1b[0m \x1b[0m\x1b[38;5;245m(0ms)\x1b[0m
bad ... \x1b[0m\x1b[31mFAILED\x1b[0m \x1b[0m\x1b[38;5;245m(459µs)\x1b[0m
\x1b[0m\x1b[38;5;245mrunning 1 test from ./store_test.ts\x1b[0m
other ... ignored (0ms)

\x1b[0m\x1b[31mFAILED\x1b[0m | 2 passed (1 step) | 2 failed | 2 ignored (1 step) \x1b[0m\x1b[38;5;245m(1s)\x1b[0m
`;

Deno.test("TestReport reads totals and the names of skipped tests, with colours too", () => {
  for (const text of [coloured, stripColours(coloured)]) {
    const report = reportOf(text);
    assert.deepEqual(report.totals(1), { passed: 2, failed: 2 });
    assert.deepEqual(report.skipped, ["log/kafka_test.ts: needs kafka", "store_test.ts: other"]);
  }
});

Deno.test("TestReport is not taken in by what tests print", () => {
  const report = reportOf("hello | 3 passed | 9 failed\nok | 1 passed | 0 failed (3ms)");
  assert.deepEqual(report.totals(0), { passed: 1, failed: 0 });
});

Deno.test("TestReport counts a failure when the run failed without a summary", () => {
  assert.deepEqual(reportOf("error: Type checking failed.").totals(1), { passed: 0, failed: 1 });
  assert.deepEqual(reportOf("ok | 5 passed | 0 failed (1s)").totals(1), { passed: 5, failed: 1 });
});
