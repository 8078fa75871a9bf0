/**
 * Drill 11: every call of the shard loop to log and store fails once, in every way it can: before its
 * effect, after it, with an answer that never comes, and with the whole process dying around it. What
 * comes out must be what comes out of a run without faults: nothing lost, nothing twice, every figure.
 *
 * @module
 */
import { Unavailable } from "../../../schema/errors.ts";
import { away, silent } from "../../../supervisor/shard/testing/faults.ts";
import {
  type Ending,
  ids,
  type Lives,
  type Outcome,
  sweep,
  undisturbed,
} from "../../../supervisor/shard/testing/recovery.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";

/** The awaits of the loop; each must be seen to fail in every way that it can. */
const reads = ["fetch", "load", "takeShard", "dueTimers", "behind", "snapshotted"];
const writes = ["commit", "append"];
const calls = [...reads, ...writes];

/** A way to fail, and the calls that can fail so. */
interface Way {
  readonly name: string;
  readonly ending: Ending;
  readonly of: readonly string[];
}

const ways: readonly Way[] = [
  { name: "away_before", ending: away(), of: calls },
  // Reads may have had their effect: a shard that was taken is taken again.
  { name: "away_after", ending: { ...away(), isAfter: true }, of: reads },
  { name: "silent_before", ending: silent(false), of: writes },
  { name: "silent_after", ending: silent(true), of: writes },
  { name: "killed_before", ending: "dead", of: calls },
  { name: "killed_after", ending: "deadAfter", of: calls },
];

/** A call that says that nothing has happened when it has: the error class is the retry policy. */
const mistaken: Way = {
  name: "mistaken",
  ending: { error: new Unavailable("store", "injected: refused, but done"), isAfter: true },
  of: ["commit"],
};

/** Lets each call of a way fail once. */
async function tryWay(findings: Findings, expected: Outcome, way: Way): Promise<Lives[]> {
  try {
    const runs = await sweep(expected, (name) => way.of.includes(name) ? way.ending : undefined);
    const failed = new Set(runs.flatMap((lives) => lives.failedNames));
    for (const name of way.of) {
      findings.require(failed.has(name), `${name} has failed ${way.name}: ${[...failed]}`);
    }
    for (const lives of runs) {
      const ends = lives.failed().map(String);
      findings.require(
        ends.length === 0,
        `no shard ends ${way.name} ${lives.failedNames}: ${ends}`,
      );
    }
    findings.count(way.name, runs.length);
    return runs;
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split("\n");
    findings.require(false, `the outcome is that of a run without faults, ${way.name}: ${first}`);
    return [];
  }
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const expected = await undisturbed();
  const journal = expected.journal.join();
  findings.require(journal === ids.join(), `the journal holds ${ids}: ${journal}`);
  let deaths = 0;
  let retakes = 0;
  for (const way of ctx.mutation === "mistaken-refusal" ? [mistaken] : ways) {
    const runs = await tryWay(findings, expected, way);
    for (const lives of runs) {
      deaths += lives.deaths;
      retakes += lives.retakes;
    }
    ctx.print(`${way.name}: ${runs.length} runs`);
  }
  findings.count("deaths", deaths);
  findings.count("retakes", retakes);
  if (ctx.mutation === undefined) {
    findings.require(deaths >= 80, `at least 80 deaths: ${deaths}`);
    findings.require(retakes >= 5, `at least 5 retakes: ${retakes}`);
  }
  return findings.result();
}

export const everyCall: OwnDrill = {
  id: "11",
  name: "every-call",
  mutations: { "mistaken-refusal": /the outcome is that of a run without faults, mistaken: / },
  run,
};
