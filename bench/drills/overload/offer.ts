/**
 * Offers a rate of requests to a platform: by one process that makes the number, and by another
 * beside it that sends a few of the same kind and measures. The first has its hands full, so what
 * it finds late may be its own doing; the second sleeps between its requests.
 *
 * @module
 */
import type { Site } from "../platform/site.ts";
import { batchEvents, type ClientReport, runClient } from "./open_client.ts";

/** What the measuring process sends, and by how many connections at most. */
const probesPerSecond = 100;
const probeConnectionsMax = 64;
const floodConnectionsMax = 512;

export interface Offer {
  /** What was meant to be sent, of both, requests a second. */
  readonly offered: number;
  /** What was sent: a connection was free. */
  readonly sent: number;
  /** What got through. */
  readonly accepted: number;
  /** Whose durations count. */
  readonly probe: ClientReport;
  readonly flood: ClientReport;
}

/** @param requestsPerSecond of both together; more than the probes alone are */
export async function offer(site: Site, requestsPerSecond: number, ms: number): Promise<Offer> {
  const of = (rate: number, connectionsMax: number) =>
    runClient({ url: site.url, key: site.key, requestsPerSecond: rate, ms, connectionsMax });
  const [flood, probe] = await Promise.all([
    of(Math.max(1, requestsPerSecond - probesPerSecond), floodConnectionsMax),
    of(Math.min(requestsPerSecond, probesPerSecond), probeConnectionsMax),
  ]);
  // Who falls behind sends all the same, and takes longer.
  const rate = (of: (report: ClientReport) => number) =>
    of(flood) / flood.seconds + of(probe) / probe.seconds;
  return {
    offered: rate(({ sent, leftOut }) => sent + leftOut),
    sent: rate(({ sent }) => sent),
    accepted: rate(({ accepted }) => accepted.count),
    probe,
    flood,
  };
}

/** What of both clients is added up. */
export const ofBoth = (
  { flood, probe }: Offer,
  of: (report: ClientReport) => number,
): number => of(flood) + of(probe);

export const eventsPerSecond = (requestsPerSecond: number): number =>
  requestsPerSecond * batchEvents;
