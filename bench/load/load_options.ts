/**
 * The load generator's command line.
 *
 * @module
 */
import { Options, type OptionSpec } from "../cli/options.ts";
import type { LoadPlan } from "./run_load.ts";

/** Events a second that a run without `--rate` and `--events` plans for. */
const unboundedRate = 100_000;

export const loadOptionSpecs = {
  url: { type: "text", default: "http://127.0.0.1:8080", help: "base URL of the gateway" },
  key: { type: "text", help: "API key (default $DEMO_KEY)" },
  rate: { type: "number", default: 1000, help: "events a second; 0: as fast as it goes" },
  batch: { type: "number", default: 100, help: "events a request" },
  single: { type: "flag", help: "one event a request" },
  connections: { type: "number", help: "connections (default 16, with --single 64)" },
  seconds: { type: "number", default: 10, help: "length of the run" },
  events: { type: "number", help: "stop after so many events instead" },
  seed: { type: "number", help: "same seed, same events (default random)" },
  origin: { type: "text", help: "RFC 3339 time the run counts as started at (default now)" },
  players: { type: "number", help: "distinct players (default one to 40 events, at most 20000)" },
  games: { type: "number", default: 12, help: "distinct games, Zipf-distributed" },
  "game-prefix": { type: "text", default: "", help: "put before each game id" },
  "span-days": { type: "number", default: 0, help: "days of history to tell; over 30 are refused" },
  duplicates: { type: "number", default: 0.01, help: "share of events sent again" },
  malformed: { type: "number", default: 0.002, help: "share of events that must be refused" },
  late: { type: "number", help: "share of late events (default 0.02, with --span-days 0.2)" },
  unordered: { type: "number", default: 0.05, help: "share of events out of order by seconds" },
  "forbidden-game": { type: "text", help: "a game the key may not write, tried among malformed" },
  protocol: { type: "text", default: "http", help: "http or ws" },
  acks: { type: "text", help: "file for the acknowledged ids, synced line by line" },
  "acks-no-sync": { type: "flag", help: "leave the syncing of that file to the system" },
  expect: { type: "text", help: "file for the exact totals that must come out" },
  "drain-seconds": { type: "number", default: 30, help: "how long to retry after the end" },
  "live-probe": { type: "flag", help: "measure POST to live player, and to SQL with --store" },
  store: { type: "text", help: "PostgreSQL URL for the probe" },
  studio: { type: "text", default: "demo", help: "tenant of the key, for the probe" },
  json: { type: "flag", help: "print the report as JSON, and nothing else" },
  help: { type: "flag", help: "this text" },
} as const satisfies Record<string, OptionSpec>;

/** The files and switches of the command that are not part of the plan. */
export interface LoadCommand {
  readonly plan: LoadPlan;
  readonly expect: string | undefined;
  readonly isJson: boolean;
}

/**
 * Reads the command line.
 *
 * @param originMs the run's start when `--origin` is absent, milliseconds
 * @throws {RangeError} an option is wrong
 */
export function parseLoadOptions(args: readonly string[], originMs: number): LoadCommand {
  const options = new Options(args, loadOptionSpecs);
  const rate = options.number("rate")!;
  const key = options.text("key") ?? Deno.env.get("DEMO_KEY");
  const protocol = options.text("protocol")!;
  const url = parseUrl(options.text("url")!);
  if (key === undefined) throw new RangeError("Cannot load as '--key' must be given: it is not");
  if (!(rate >= 0)) {
    throw new RangeError(`Cannot load as '--rate' must be at least 0: current value is ${rate}`);
  }
  if (protocol !== "http" && protocol !== "ws") {
    throw new RangeError(
      `Cannot load as '--protocol' must be http or ws: current value is ${protocol}`,
    );
  }
  const given = options.number("events");
  const planned = rate || unboundedRate;
  const seconds = given === undefined ? options.number("seconds")! : given / planned;
  const events = given ?? Math.max(1, Math.ceil(seconds * planned));
  const players = options.number("players") ??
    Math.max(1, Math.min(20_000, Math.ceil(events / 40)));
  const single = options.flag("single");
  const batch = single ? 1 : options.number("batch")!;
  const connections = Math.min(options.number("connections") ?? (single ? 64 : 16), players);
  const origin = options.text("origin");
  const spanDays = options.number("span-days")!;
  return {
    plan: {
      target: { url, key },
      rate,
      runMs: given === undefined ? seconds * 1000 : undefined,
      drainMs: options.number("drain-seconds")! * 1000,
      acks: options.text("acks"),
      acksSync: !options.flag("acks-no-sync"),
      liveProbe: options.flag("live-probe"),
      storeUrl: options.text("store"),
      studio: options.text("studio")!,
      stream: {
        seed: options.number("seed") ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
        events,
        batch,
        connections,
        players,
        games: options.number("games")!,
        gamePrefix: options.text("game-prefix")!,
        originMs: origin === undefined ? originMs : parseTime(origin),
        seconds,
        spanDays,
        duplicates: options.number("duplicates")!,
        malformed: options.number("malformed")!,
        late: options.number("late") ?? (spanDays > 0 ? 0.2 : 0.02),
        unordered: options.number("unordered")!,
        protocol,
        forbiddenGame: options.text("forbidden-game"),
      },
    },
    expect: options.text("expect"),
    isJson: options.flag("json"),
  };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new RangeError(`Cannot load as '--url' must be an http(s) URL: current value is ${text}`);
}

function parseTime(text: string): number {
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return ms;
  throw new RangeError(
    `Cannot load as '--origin' must be an RFC 3339 time: current value is ${text}`,
  );
}
