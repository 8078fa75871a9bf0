/**
 * What a durable actor costs here and on Restate, in the same run.
 *
 * @module
 */
import { print } from "../../../cli/print.ts";
import type { DurableContestant, DurableJob } from "./contestant.ts";
import { onPlatform } from "./on_platform.ts";
import { onRestate } from "./on_restate.ts";

export interface DurableFigures {
  readonly name: string;
  /** Events by the second, from the first request until all are counted and on disk. */
  readonly events_per_second: number;
  /** A request, milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export const durableContestants: readonly DurableContestant[] = [onPlatform, onRestate];

/** @throws {Error} events were lost or counted twice: the figures would mean nothing */
export async function measureDurable(
  who: DurableContestant,
  job: DurableJob,
): Promise<DurableFigures> {
  const dir = await Deno.makeTempDir({ prefix: "gamemetrics-durable-" });
  try {
    const { ms, counted, p50, p99 } = await who.run(job, dir);
    if (counted !== job.events) {
      throw new Error(`${who.name} counted ${counted} where ${job.events} were due`);
    }
    return { name: who.name, events_per_second: Math.round(job.events / (ms / 1000)), p50, p99 };
  } finally {
    await Deno.remove(dir, { recursive: true }).catch(() => {});
  }
}

/**
 * Measures all, one after the other and that several times, so that what else the machine does meets
 * each of them alike.
 *
 * @returns the best round of each
 */
export async function measureAllDurable(
  all: readonly DurableContestant[],
  job: DurableJob,
  rounds: number,
): Promise<DurableFigures[]> {
  const best = new Map<DurableContestant, DurableFigures>();
  for (let round = 0; round < rounds; round++) {
    for (const who of all) {
      const figures = await measureDurable(who, job);
      const before = best.get(who);
      if (before === undefined || figures.events_per_second > before.events_per_second) {
        best.set(who, figures);
      }
    }
  }
  return all.flatMap((who) => best.get(who) ?? []);
}

export function showDurable(job: DurableJob, all: readonly DurableFigures[]): void {
  const { events, players, concurrency } = job;
  print(`${events} events of ${players} players, one a request, ${concurrency} under way`);
  for (const { name, events_per_second, p50, p99 } of all) {
    print(
      `  ${name.padEnd(16)} ${events_per_second.toLocaleString("en").padStart(9)} events/s   ` +
        `request p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`,
    );
  }
  print("The platform answers when an event is in the log, and is timed until the last commit;");
  print("Restate answers when the handler's outcome is durable. Both sync to disk.");
  print("Client, servers and handlers share the machine.");
}
