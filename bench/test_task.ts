/**
 * The task `test`: runs the tests, says which were skipped, and ends with the line
 * `N passed, N failed`. Arguments go on to `deno test`.
 *
 * @module
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { testEnvironment } from "../supervisor/testing/services.ts";
import { print } from "./cli/print.ts";
import { TestReport } from "./test_report.ts";

/** Runs `deno test` in the repo. @returns its exit code */
async function runTests(args: readonly string[], report: TestReport): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--trace-leaks", "--doc", ...args],
    cwd: join(import.meta.dirname!, ".."),
    clearEnv: true,
    env: {
      ...testEnvironment(Deno.env.toObject()),
      ...(Deno.stdout.isTerminal() ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }),
      // Tests make things fail on purpose; what they expect is no news.
      LOG_LEVEL: Deno.env.get("LOG_LEVEL") ?? "error",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = Readable.fromWeb(child.stdout as Parameters<typeof Readable.fromWeb>[0]);
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    report.take(line);
    print(line);
  }
  return (await child.status).code;
}

const report = new TestReport();
const code = await runTests(Deno.args, report);
if (report.skipped.length > 0) {
  print(`Skipped, as what they need was not there:`);
  for (const name of report.skipped) print(`  ${name}`);
  print();
}
const { passed, failed } = report.totals(code);
print(`${passed} passed, ${failed} failed`);
Deno.exit(code);
