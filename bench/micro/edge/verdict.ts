/**
 * What comes of the rounds of `bench:edge`, and whether it is what is promised.
 *
 * @module
 */
import { type Shape, shapes } from "./contestants.ts";
import type { Figures } from "./generator.ts";

/** What is promised of each shape of the gateway. */
const requestsPerSecondMin = 10_000;
const p99MsMax = 20;

export interface Measured extends Figures {
  /** Processor time of the server, all of its processes, haproxy among them. */
  readonly cpuMicrosPerRequest: number;
}

/** Each figure's median over the rounds; failures are added up. @param rounds one at least */
export function medianOf(rounds: readonly Measured[]): Measured {
  const middle = (figure: (round: Measured) => number) => {
    const sorted = rounds.map(figure).sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  };
  return {
    generator: rounds[0]!.generator,
    requestsPerSecond: middle((round) => round.requestsPerSecond),
    p50Ms: middle((round) => round.p50Ms),
    p99Ms: middle((round) => round.p99Ms),
    cpuMicrosPerRequest: middle((round) => round.cpuMicrosPerRequest),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** One shape's line: its figures, and its pace beside the bare server and the gateway alone. */
export function lineOf(shape: Shape, all: Readonly<Record<Shape, Measured>>): string {
  const { generator, requestsPerSecond, p50Ms, p99Ms, cpuMicrosPerRequest, failed } = all[shape];
  const beside = (other: Shape) => (requestsPerSecond / all[other].requestsPerSecond).toFixed(2);
  return `${shape.padEnd(10)} ${Math.round(requestsPerSecond).toLocaleString("en").padStart(8)} ` +
    `requests/s  p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms  ` +
    `${cpuMicrosPerRequest.toFixed(0)} µs of processor  ` +
    `×${beside("deno_serve")} of deno_serve  ×${beside("guard_off")} of guard_off  ` +
    `failed ${failed}  (${generator})`;
}

/** What did not hold, one line each. */
export function shortfalls(all: Readonly<Record<Shape, Figures>>): string[] {
  return shapes.flatMap((shape) => {
    const { requestsPerSecond, p99Ms, failed } = all[shape];
    const faults = failed > 0 ? [`${shape}: ${failed} requests failed`] : [];
    if (shape === "deno_serve") return faults;
    if (requestsPerSecond < requestsPerSecondMin) {
      const had = Math.round(requestsPerSecond);
      faults.push(`${shape}: ${had} requests/s, ${requestsPerSecondMin} promised`);
    }
    if (p99Ms > p99MsMax) faults.push(`${shape}: p99 ${p99Ms} ms, ${p99MsMax} promised`);
    return faults;
  });
}
