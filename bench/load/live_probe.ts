/**
 * Measures how long an accepted event takes to be seen: it posts single events of players nobody
 * has seen and asks for them until they are there.
 *
 * @module
 */
import postgres from "postgres";
import { fingerprintBigint } from "../../schema/hash.ts";
import { partitionOf } from "../../schema/partition.ts";
import type { AckFile } from "./client/ack_file.ts";
import { Histogram } from "./client/histogram.ts";
import { HttpConnection } from "./client/http_connection.ts";
import type { Target } from "./client/transport.ts";
import { seedText } from "./generator/population.ts";
import { sleep } from "./sender.ts";
import type { ProbeReport } from "./tally.ts";

/** Probes under way at once; each starts one every `intervalMs`. */
const probers = 4;
const intervalMs = 500;
/** Between two looks: the resolution of the figures. Each look takes processor time from what is measured, … */
const livePollMs = 8;
const storedPollMs = 20;
/** … so who has waited for long is looked for less often, by this part of his wait. */
const pollShare = 1 / 16;
/** A probe not seen by then is lost. */
const patienceMs = 15_000;

export interface ProbeOptions {
  readonly target: Target;
  readonly seed: number;
  /** The game that takes the probes, apart from the run's games. */
  readonly gameId: string;
  /** The tenant of the key, for looking into the store. @default "demo" */
  readonly studio?: string;
  /** PostgreSQL URL; without it only GraphQL is asked. */
  readonly storeUrl?: string | undefined;
  /** Takes the probes' ids, on connection −1. */
  readonly acks?: AckFile | undefined;
}

/** Probes the platform until told to stop. */
export class LiveProbe {
  readonly #options: ProbeOptions;
  readonly #sql: postgres.Sql | undefined;
  readonly #live = new Histogram();
  readonly #stored = new Histogram();
  #lost = 0;
  #number = 0;
  #partitions: Promise<number> | undefined;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#sql = options.storeUrl === undefined
      ? undefined
      : postgres(options.storeUrl, { max: probers, onnotice: () => {} });
  }

  /** Runs until `stop`, then finishes the probes under way. */
  async run(stop: AbortSignal): Promise<ProbeReport> {
    await Promise.all(
      Array.from({ length: probers }, (_, i) => this.#probeRegularly(i, stop)),
    );
    await this.#sql?.end();
    const live = { live_ms: this.#live.quantiles(), lost: this.#lost };
    return this.#sql === undefined ? live : { ...live, sql_ms: this.#stored.quantiles() };
  }

  async #probeRegularly(prober: number, stop: AbortSignal): Promise<void> {
    const capture = new HttpConnection(this.#options.target);
    const graphql = new HttpConnection(this.#options.target, "/graphql");
    const expiry = setInterval(() => {
      capture.expire(performance.now());
      graphql.expire(performance.now());
    }, intervalMs);
    const start = performance.now() + (prober * intervalMs) / probers;
    for (let n = 0; !stop.aborted; n++) {
      await sleep(start + n * intervalMs - performance.now(), stop);
      if (stop.aborted) break;
      await this.#probe(capture, graphql);
    }
    clearInterval(expiry);
    capture.close();
    graphql.close();
  }

  async #probe(capture: HttpConnection, graphql: HttpConnection): Promise<void> {
    const { seed, gameId, acks } = this.#options;
    const number = this.#number++;
    const userId = `probe-${seedText(seed)}-${number}`;
    const eventId = `${seedText(seed)}-probe-${number.toString(16).padStart(12, "0")}`;
    const sentAt = performance.now();
    const event = `{"event_id":"${eventId}","event_type":"probe","user_id":"${userId}",` +
      `"game_id":"${gameId}"}`;
    try {
      const { status } = await capture.send(event);
      if (status !== 202) {
        this.#lost++;
        return;
      }
      await acks?.append({ c: -1, b: number, ids: [eventId] });
      const [live, stored] = await Promise.all([
        waitFor(() => isLive(graphql, userId), sentAt, livePollMs),
        this.#sql === undefined
          ? undefined
          : waitFor(() => this.#isStored(userId, eventId), sentAt, storedPollMs),
      ]);
      if (live !== undefined) this.#live.record(live);
      if (stored !== undefined) this.#stored.record(stored);
      if (live === undefined || (this.#sql !== undefined && stored === undefined)) this.#lost++;
    } catch {
      this.#lost++;
    }
  }

  /** By the index on a player's rows: a scan would measure, and cost, something else. */
  async #isStored(userId: string, eventId: string): Promise<boolean> {
    const actorId = `${this.#options.studio ?? "demo"}/${userId}`;
    const partition = partitionOf(actorId, await (this.#partitions ??= this.#readPartitions()));
    const rows = await this.#sql!`
      select 1 from player_events
      where partition = ${partition} and player_key = ${fingerprintBigint(actorId)}
        and event_id = ${eventId}`;
    return rows.length > 0;
  }

  async #readPartitions(): Promise<number> {
    const [row] = await this.#sql!<{ partitions: number }[]>`
      select partitions from deployment where topic = 'player.events.raw'`;
    if (row === undefined) throw new Error("The store knows no topic 'player.events.raw'");
    return row.partitions;
  }
}

async function isLive(graphql: HttpConnection, userId: string): Promise<boolean> {
  const query = "query($id:ID!){player(id:$id){eventsTotal}}";
  const answer = await graphql.send(JSON.stringify({ query, variables: { id: userId } }));
  const body = JSON.parse(answer.body) as { data?: { player?: { eventsTotal: number } | null } };
  return (body.data?.player?.eventsTotal ?? 0) > 0;
}

/** Milliseconds from `sentAt` until `isSeen`; `undefined` when it takes too long. */
async function waitFor(
  isSeen: () => Promise<boolean>,
  sentAt: number,
  pollMs: number,
): Promise<number | undefined> {
  const never = new AbortController().signal;
  for (;;) {
    if (await isSeen()) return performance.now() - sentAt;
    const waitedMs = performance.now() - sentAt;
    if (waitedMs > patienceMs) return undefined;
    await sleep(Math.max(pollMs, waitedMs * pollShare), never);
  }
}
