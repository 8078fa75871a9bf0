/**
 * `deno task load`: puts load on a running platform and says how it took it.
 * Exit code 1 when an answer was not the expected one or never came, 2 when the options are wrong.
 *
 * @module
 */
import { helpText } from "../cli/options.ts";
import { print } from "../cli/print.ts";
import { Progress } from "../cli/progress.ts";
import type { Quantiles } from "./client/histogram.ts";
import { expectationOf } from "./expectation.ts";
import { type LoadCommand, loadOptionSpecs, parseLoadOptions } from "./load_options.ts";
import { runLoad } from "./run_load.ts";
import { LoadRefused } from "./sender.ts";
import { type LoadReport, Tally } from "./tally.ts";

const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function showProgress(command: LoadCommand, tally: Tally): Progress {
  const { stream } = command.plan;
  const start = performance.now();
  let seenAt = start;
  let seen = 0;
  return new Progress(() => {
    const now = performance.now();
    const rate = (tally.accepted - seen) / Math.max(0.001, (now - seenAt) / 1000);
    seenAt = now;
    seen = tally.accepted;
    const rejected = Object.values(tally.rejected).reduce((a, b) => a + b, 0);
    return {
      share: tally.sent / stream.events,
      text: `${((now - start) / 1000).toFixed(1)} s  ${integer.format(rate)} events/s  ` +
        `accepted ${integer.format(tally.accepted)}  rejected ${integer.format(rejected)}  ` +
        `retries ${integer.format(tally.retries)}  p99 ${
          milliseconds(tally.fromIntended.quantile(0.99))
        }`,
    };
  });
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;
}

function latencyLine(name: string, q: Quantiles): string {
  return `${name.padEnd(20)} p50 ${milliseconds(q.p50)}  p90 ${milliseconds(q.p90)}  ` +
    `p99 ${milliseconds(q.p99)}  max ${milliseconds(q.max)}`;
}

function printReport(report: LoadReport): void {
  print(`seed                 ${report.seed}`);
  print(
    `accepted             ${integer.format(report.accepted)} events in ` +
      `${report.seconds.toFixed(1)} s: ${integer.format(report.events_per_second)} events/s`,
  );
  print(`duplicates sent      ${integer.format(report.duplicates)}`);
  print(`rejected             ${JSON.stringify(report.rejected)}`);
  print(`retries, errors      ${report.retries}, ${JSON.stringify(report.errors)}`);
  print(`unknown outcomes     ${report.unknown}`);
  print(latencyLine("from intended send", report.latency_ms.from_intended));
  print(latencyLine("from actual send", report.latency_ms.from_send));
  if (report.probe !== undefined) {
    print(latencyLine("POST to live player", report.probe.live_ms));
    if (report.probe.sql_ms !== undefined) print(latencyLine("POST to SQL", report.probe.sql_ms));
    print(`probes lost          ${report.probe.lost}`);
  }
  print(`generator CPU        ${report.generator_cpu_seconds.toFixed(1)} s`);
  if (report.mismatches > 0) {
    print(`unexpected answers   ${report.mismatches}, the first:`);
    for (const example of report.mismatch_examples) print(`  ${example}`);
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    print(helpText("deno task load [options]: load on a running platform", loadOptionSpecs));
    return 0;
  }
  const command = parseLoadOptions(args, Date.now());
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  Deno.addSignalListener("SIGINT", interrupt);
  const tally = new Tally();
  const progress = command.isJson ? undefined : showProgress(command, tally);
  const { report, senders } = await runLoad(command.plan, stop.signal, tally).finally(() => {
    progress?.finish();
    Deno.removeSignalListener("SIGINT", interrupt);
  });
  if (command.expect !== undefined) {
    const expectation = expectationOf(command.plan.stream, senders, report.mismatches);
    Deno.writeTextFileSync(command.expect, JSON.stringify(expectation));
  }
  if (command.isJson) print(JSON.stringify(report));
  else printReport(report);
  return report.unknown === 0 && report.mismatches === 0 && report.accepted > 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof LoadRefused)) throw cause;
    print(cause.message);
    Deno.exitCode = cause instanceof LoadRefused ? 1 : 2;
  }
}
