/**
 * A client that goes on sending at its own rate, whatever it is answered: what an overload is made of.
 *
 * @module
 */
import { Histogram } from "../../load/client/histogram.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { Site } from "../platform/site.ts";

/** Events of a request. */
export const batchEvents = 50;
const connectionsMax = 256;
/** Who is later than that leaves out what it missed. */
const behindMsMax = 500;

/** What came of a flood. */
export interface Flood {
  readonly sent: number;
  readonly accepted: Histogram;
  readonly refused: Histogram;
  /** Requests that were answered neither way, or not at all. */
  readonly failed: number;
  /** Refusals that did not say when to come back. */
  readonly unsaid: number;
  readonly seconds: number;
}

/** Made once: the generator's own work must not be what is measured. The ids are the gateway's. */
const bodies = Array.from(
  { length: 100 },
  (_, n) =>
    JSON.stringify(Array.from({ length: batchEvents }, (_, i) => ({
      event_type: "overload",
      user_id: `u-${n * batchEvents + i}`,
      game_id: "drill-overload",
      properties: { level: i, score: n },
    }))),
);

/** @param requestsPerSecond over all connections */
export async function flood(
  site: Site,
  requestsPerSecond: number,
  ms: number,
): Promise<Flood> {
  const [accepted, refused] = [new Histogram(), new Histogram()];
  const result = { sent: 0, failed: 0, unsaid: 0 };
  const startedAt = performance.now();
  // At low rates few, as each has its turn several times.
  const connections = Math.min(connectionsMax, Math.ceil(requestsPerSecond / 4));
  const everyMs = 1000 * connections / requestsPerSecond;
  const one = async (index: number) => {
    const connection = new HttpConnection(site.target);
    let dueAt = startedAt + everyMs * index / connections;
    for (;;) {
      const waitMs = dueAt - performance.now();
      if (dueAt - startedAt >= ms) break;
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const body = bodies[result.sent % bodies.length]!;
      const sentAt = performance.now();
      result.sent++;
      try {
        const { status, retryAfterMs } = await connection.send(body);
        const tookMs = performance.now() - sentAt;
        if (status === 202) accepted.record(tookMs);
        else if (status === 503 || status === 429) {
          refused.record(tookMs);
          if (retryAfterMs === undefined) result.unsaid++;
        } else result.failed++;
      } catch {
        result.failed++;
      }
      dueAt += everyMs;
      if (performance.now() - dueAt > behindMsMax) dueAt = performance.now();
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, (_, index) => one(index)));
  return { ...result, accepted, refused, seconds: (performance.now() - startedAt) / 1000 };
}
