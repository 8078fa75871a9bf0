/**
 * Drill 10: the vector store is stopped under load. Similarity is refused at once, everything else
 * goes on; points that are written meanwhile wait and are there soon after its return. The server is
 * a double, as Qdrant cannot be had everywhere: the client and its queue are the real ones.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { Unavailable } from "../../../schema/errors.ts";
import { createLogger } from "../../../supervisor/observability/logger.ts";
import { noMetrics } from "../../../supervisor/observability/metrics_sink.ts";
import { ResourceMeter } from "../../../supervisor/observability/resource_meter.ts";
import { QdrantVectors } from "../../../supervisor/vectors/qdrant_vectors.ts";
import {
  type QdrantData,
  startQdrantDouble,
} from "../../../supervisor/vectors/testing/qdrant_double.ts";
import { dimensions, pointId } from "../../../supervisor/vectors/vectors.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Site } from "../platform/site.ts";
import { degraded, LoadedPlatform, timed, type Times } from "./under_load.ts";

const times: Readonly<Record<"quick" | "full", Times>> = {
  quick: { beforeMs: 3_000, awayMs: 10_000, afterMs: 8_000 },
  full: { beforeMs: 10_000, awayMs: 60_000, afterMs: 10_000 },
};
const catchUpMsMax = 60_000;
const refusedMsMax = 50;
const collection = "drill";
const points = 5_000;
const pointsPerWrite = 50;
const everyMs = 20;

/** A vector of its own for each number and round. */
function vectorOf(n: number, round: number): number[] {
  return Array.from({ length: dimensions }, (_, i) => Math.sin(n * 0.7 + i * (round + 1)));
}

/** Writes and searches as a recommender would, and remembers what was taken. */
class VectorUser {
  /** The round in which each point was written last. */
  readonly rounds = new Map<number, number>();
  readonly refusedMs: number[] = [];
  answered = 0;
  refusedWrites = 0;
  otherErrors = 0;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(readonly vectors: QdrantVectors) {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stop.signal.aborted; turn++) {
      const [from, round] = [
        turn * pointsPerWrite % points,
        Math.floor(turn * pointsPerWrite / points),
      ];
      await this.#write(from, round);
      await this.#search();
      await sleep(everyMs);
    }
  }

  async #write(from: number, round: number): Promise<void> {
    const numbers = Array.from({ length: pointsPerWrite }, (_, i) => from + i);
    const some = numbers.map((n) => ({
      id: `demo/u${n}`,
      vector: vectorOf(n, round),
      payload: { round },
    }));
    try {
      await this.vectors.upsert(collection, some);
      for (const n of numbers) this.rounds.set(n, round);
    } catch {
      this.refusedWrites++;
    }
  }

  async #search(): Promise<void> {
    const startedAt = performance.now();
    try {
      await this.vectors.search(collection, vectorOf(1, 0), 10, "demo");
      this.answered++;
    } catch (error) {
      if (error instanceof Unavailable) this.refusedMs.push(performance.now() - startedAt);
      else this.otherErrors++;
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function requireRefusals(findings: Findings, user: VectorUser): void {
  const sorted = user.refusedMs.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Infinity;
  findings.count("searches_refused", sorted.length);
  findings.count("refused_median_ms", median);
  findings.require(sorted.length >= 50, `searches are refused while away: ${sorted.length} are`);
  findings.require(
    median <= refusedMsMax,
    `a search is refused within ${refusedMsMax} ms: ${Math.round(median)}`,
  );
  findings.require(user.otherErrors === 0, `as Unavailable: ${user.otherErrors} are not`);
  findings.require(user.refusedWrites === 0, `every write is taken: ${user.refusedWrites} are not`);
}

function requireLast(
  findings: Findings,
  data: QdrantData,
  rounds: ReadonlyMap<number, number>,
): void {
  const held = data.get(collection)?.points;
  const wrong = [...rounds].filter(([n, round]) => {
    const stored = held?.get(pointId(`demo/u${n}`))?.payload["data"] as { round: number };
    return stored?.round !== round;
  });
  findings.count("points", rounds.size);
  const last = `each point as written last: ${wrong.length} of ${rounds.size} are not`;
  findings.require(rounds.size > 0 && wrong.length === 0, last);
}

async function run(ctx: OwnContext): Promise<Findings> {
  const findings = new Findings();
  const form = times[ctx.quick ? "quick" : "full"];
  let double = startQdrantDouble();
  const { port, data } = double;
  const meter = new ResourceMeter(noMetrics, "vectors");
  const log = createLogger({ write() {}, level: () => "silent" });
  const short = ctx.mutation === "short-queue" ? { waitingMax: 2 * pointsPerWrite } : {};
  const vectors = new QdrantVectors({ url: double.url, meter, log, ...short });
  const site = new Site(join(ctx.dir, "site"), { env: { VECTORS_URL: double.url } });
  let loaded: LoadedPlatform | undefined;
  let user: VectorUser | undefined;
  let isRunning = true;
  try {
    const platform = site.start();
    await platform.ready();
    const own = user = new VectorUser(vectors);
    loaded = new LoadedPlatform(ctx, site, form);
    await sleep(form.beforeMs);
    findings.require(own.answered > 0, `searches are answered before: ${own.answered}`);
    const health = await degraded(site, "vectors");
    findings.require(health.reason === undefined, `whole before: ${health.reason}`);

    loaded.beginAway();
    await double.stop();
    isRunning = false;
    own.refusedMs.length = 0;
    const answered = own.answered;
    await sleep(form.awayMs);
    findings.require(
      own.answered - answered <= 1,
      "the double does not answer while it is stopped",
    );
    const { status, reason } = await degraded(site, "vectors");
    findings.require(reason !== undefined, "health says that the vector store is away");
    findings.require(status === 200, `ready without it: ${status}`);
    requireRefusals(findings, own);
    loaded.endAway(findings);
    ctx.print(`a double of Qdrant is away: ${reason}; ${vectors.waiting} points wait`);

    const backAt = performance.now();
    await own.end();
    if (ctx.mutation !== "never-returns") {
      double = startQdrantDouble({ port, data });
      isRunning = true;
    }
    const limitMs = ctx.mutation === undefined ? catchUpMsMax : 3_000;
    const caughtUpMs = await timed(backAt, limitMs, () => Promise.resolve(vectors.waiting === 0));
    findings.count("caught_up_ms", caughtUpMs);
    const text = `caught up within ${catchUpMsMax} ms: ${Math.round(caughtUpMs)}`;
    findings.require(caughtUpMs <= catchUpMsMax, text);
    if (ctx.mutation !== undefined) return findings;
    requireLast(findings, data, own.rounds);
    await vectors.search(collection, vectorOf(1, 0), 10, "demo");
    await loaded.verify(findings);
    return findings;
  } finally {
    await user?.end();
    await loaded?.end();
    await site.clear();
    await vectors.close();
    if (isRunning) await double.stop();
  }
}

export const lostQdrant: OwnDrill = {
  id: "10",
  name: "lost-qdrant-double",
  mutations: {
    "never-returns": /caught up within .*Infinity/,
    "short-queue": /every write is taken: \d+ are not/,
  },
  async run(ctx) {
    const result = (await run(ctx)).result();
    return { ...result, notes: [...result.notes, "the vector store was a double of Qdrant"] };
  },
};
