/**
 * `deno run -A bench/verify/verify.ts`: checks that every acknowledged event was counted exactly
 * once. A program of its own, which trusts only the ack file and fresh reads of store and GraphQL.
 * Exit code 1 on any difference, 2 when the options are wrong.
 *
 * @module
 */
import { helpText, Options, type OptionSpec } from "../cli/options.ts";
import { print } from "../cli/print.ts";
import { runProgram } from "../cli/run_program.ts";
import { tableOf } from "./check.ts";
import { runVerify, type VerifyPlan } from "./run_verify.ts";

const specs = {
  url: { type: "text", default: "http://127.0.0.1:8080", help: "base URL of the gateway" },
  key: { type: "text", help: "API key that may read (default $DEMO_KEY)" },
  store: { type: "text", help: "PostgreSQL URL (default $STORE_URL)" },
  studio: { type: "text", default: "demo", help: "tenant of the key" },
  acks: { type: "text", help: "ack file of the load" },
  expect: { type: "text", help: "expected totals of the load" },
  players: { type: "text", default: "2000", help: "players to compare one by one, or all" },
  timeout: { type: "number", default: 60, help: "seconds the platform may take to catch up" },
  json: { type: "flag", help: "print the report as JSON, and nothing else" },
  help: { type: "flag", help: "this text" },
} as const satisfies Record<string, OptionSpec>;

/** @throws {RangeError} an option is wrong */
function parse(args: readonly string[]): { plan: VerifyPlan; isJson: boolean } {
  const options = new Options(args, specs);
  const key = options.text("key") ?? Deno.env.get("DEMO_KEY");
  const storeUrl = options.text("store") ?? Deno.env.get("STORE_URL");
  const url = URL.parse(options.text("url")!);
  const players = options.text("players")!;
  const missing = key === undefined ? "--key" : storeUrl === undefined ? "--store" : undefined;
  if (key === undefined || storeUrl === undefined) {
    throw new RangeError(`Cannot verify as '${missing}' must be given: it is not`);
  }
  if (url === null) {
    throw new RangeError(
      `Cannot verify as '--url' must be a URL: current value is ${options.text("url")}`,
    );
  }
  if (!/^(all|\d+)$/.test(players)) {
    throw new RangeError(
      `Cannot verify as '--players' must be a number or all: current value is ${players}`,
    );
  }
  return {
    plan: {
      target: { url, key },
      storeUrl,
      studio: options.text("studio")!,
      acks: options.text("acks"),
      expect: options.text("expect"),
      players: players === "all" ? undefined : Number(players),
      timeoutMs: options.number("timeout")! * 1000,
    },
    isJson: options.flag("json"),
  };
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    print(helpText("verify [options]: every acknowledged event counted exactly once?", specs));
    return 0;
  }
  const { plan, isJson } = parse(args);
  const report = await runVerify(plan);
  if (isJson) {
    print(JSON.stringify(report));
  } else {
    for (const line of tableOf(report.checks)) print(line);
    print(
      report.ok
        ? `✓ all ${report.events} events counted exactly once`
        : "✗ the figures differ: see above",
    );
  }
  return report.ok ? 0 : 1;
}

if (import.meta.main) await runProgram(() => main(Deno.args));
