/**
 * A client that reads without rest: a player, a page of events from the store, the top of a
 * leaderboard. Latencies and failures of each phase are kept apart.
 *
 * @module
 */
import { Histogram } from "../../load/client/histogram.ts";
import { GraphqlReader } from "../../verify/graphql_figures.ts";
import type { Site } from "../platform/site.ts";

const pauseMs = 20;

/** The reads, by what they try. */
const queries = {
  player: "query($user:ID!){player(id:$user){eventsTotal}}",
  events: "query($user:ID!){events(first:20,filter:{userId:$user}){edges{cursor}}}",
  leaderboard: 'query{leaderboard(gameId:"drill-board",board:"score",first:20){edges{cursor}}}',
};

export class ReadPhase {
  readonly latency = new Histogram();
  failed = 0;
  firstError = "";
}

export class ReadProbe {
  readonly #stop = new AbortController();
  readonly #reader: GraphqlReader;
  readonly #running: Promise<void>;
  #phase = new ReadPhase();

  /** @param user who has events */
  constructor(site: Site, user: string) {
    this.#reader = new GraphqlReader(site.target, 1);
    this.#running = this.#run(user);
  }

  /** Begins another phase. @returns it; it is filled until the next begins */
  phase(): ReadPhase {
    return this.#phase = new ReadPhase();
  }

  async #run(user: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const query of Object.values(queries)) {
        const phase = this.#phase;
        const startedAt = performance.now();
        try {
          await this.#reader.query(query, query.includes("$user") ? { user } : {});
        } catch (error) {
          phase.failed++;
          phase.firstError ||= error instanceof Error ? error.message : String(error);
        }
        phase.latency.record(performance.now() - startedAt);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#reader.close();
  }
}
