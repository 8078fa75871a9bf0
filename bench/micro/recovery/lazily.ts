/**
 * How soon players answer whom nobody has loaded since the crash.
 *
 * @module
 */
import type { RunInfo } from "../../../supervisor/main.ts";
import type { PlatformProcess } from "../../drills/platform/platform_process.ts";
import { Histogram } from "../../load/client/histogram.ts";
import type { Random } from "../../load/generator/random.ts";
import type { Asker } from "./asker.ts";

const firstMsMax = 60_000;
const retryPauseMs = 5;
const coldAsks = 1000;

/** The first right answer of a player picked at random, asked for again and again since the start. */
export interface First {
  /** When the last process of the platform was killed until then, the start of the new one included. */
  readonly from_kill_ms: number;
  /** Since the new process was started. */
  readonly from_exec_ms: number;
  /** Since the gateway answered anything at all. */
  readonly from_listening_ms: number;
  /** Since all shards were served; 0 when an answer came before that. */
  readonly from_shards_up_ms: number;
  /** What the answered request itself took. */
  readonly request_ms: number;
  /** The same moments, since the new process was started. */
  readonly listening_ms: number;
  readonly shards_up_ms: number;
  /** How long PostgreSQL took to start, crash recovery included; `null` if the platform did not say. */
  readonly store_start_ms: number | null;
}

/** Asks one after the other for players that were not asked for before. */
export interface Cold {
  readonly asks: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Restart {
  /** `performance.now()` */
  readonly killedAt: number;
  readonly ready: Promise<{ readonly info: RunInfo; readonly at: number }>;
}

/** @throws {Error} no right answer within a minute */
export async function askFirst(
  platform: PlatformProcess,
  asker: Asker,
  random: Random,
  { killedAt, ready }: Restart,
): Promise<First> {
  let listeningAt: number | undefined;
  const answer = await platform.until("a player answers", firstMsMax, async () => {
    const sentAt = performance.now();
    const failed = await asker.ask([random.below(asker.crowd.players)]).then(
      () => false,
      () => true,
    );
    const at = performance.now();
    if (asker.answered > 0) listeningAt ??= at;
    return failed ? undefined : { at, ms: at - sentAt };
  }, retryPauseMs);
  const { at: readyAt } = await ready;
  const execAt = platform.startedAt;
  return {
    from_kill_ms: answer.at - killedAt,
    from_exec_ms: answer.at - execAt,
    from_listening_ms: answer.at - listeningAt!,
    from_shards_up_ms: Math.max(0, answer.at - readyAt),
    request_ms: answer.ms,
    listening_ms: listeningAt! - execAt,
    shards_up_ms: readyAt - execAt,
    store_start_ms: storeStartMs(platform.output),
  };
}

/** What the platform's log says of the start of its store. */
function storeStartMs(output: string): number | null {
  const line = output.split("\n").findLast((said) => said.includes("Started the store's server"));
  const ms = line === undefined ? undefined : /"ms":(\d+)/.exec(line)?.[1];
  return ms === undefined ? null : Number(ms);
}

/** Asks for a thousand distinct players, or for half of a smaller crowd. */
export async function askCold(asker: Asker, random: Random): Promise<Cold> {
  const { players } = asker.crowd;
  const asks = Math.min(coldAsks, Math.ceil(players / 2));
  const chosen = new Set<number>();
  while (chosen.size < asks) chosen.add(random.below(players));
  const histogram = new Histogram();
  for (const player of chosen) {
    const startedAt = performance.now();
    await asker.ask([player]);
    histogram.record(performance.now() - startedAt);
  }
  const { p50, p99, max } = histogram.quantiles();
  return { asks, p50, p99, max };
}
