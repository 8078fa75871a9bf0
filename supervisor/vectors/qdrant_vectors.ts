/**
 * Points in Qdrant. Writes go through a queue of their own, so that an outage costs their writers
 * nothing; searches fail at once while it lasts.
 *
 * @module
 */
import { QdrantClient } from "@qdrant/js-client-rest";
import { Unavailable } from "../../schema/errors.ts";
import type { JsonObject } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import type { Logger } from "../observability/logger.ts";
import type { ResourceMeter } from "../observability/resource_meter.ts";
import { Circuit } from "../resources/circuit.ts";
import { within } from "../resources/within.ts";
import { systemClock } from "../shard/clock.ts";
import { Gate } from "../shard/gate.ts";
import {
  checkCollection,
  checkCount,
  checkVector,
  dimensions,
  type Neighbour,
  type Point,
  pointId,
  studioOf,
  type VectorStore,
} from "./vectors.ts";
import { WaitingWrites, type Write, type WriteBatch } from "./waiting_writes.ts";

export interface QdrantVectorsOptions {
  /** `http(s)://[:api-key@]host[:port]`; the port is 6333 unless named. */
  readonly url: string;
  readonly meter: ResourceMeter;
  readonly log: Logger;
  /** Points that may wait. @default limits.vectorsWaitingMax */
  readonly waitingMax?: number;
}

const writesPerCall = 256;
/** A call that writes may take so long, milliseconds. */
const writeMsMax = 5_000;
const retryMs = 250;
/** One that nobody has asked for so long is looked at, so that health can tell. */
const lookMs = 2_000;
/** Why calls are refused before the first answer; that is no news. */
const connecting = "connecting";
const { sleep } = systemClock();

/** The status of an error that Qdrant has answered with; `undefined`: it has not answered. */
function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown }).status;
  if (typeof status === "number") return status;
  const told = /^Unexpected Response: (\d{3})/.exec(error instanceof Error ? error.message : "");
  return told === null ? undefined : Number(told[1]);
}

/** True for an answer that the same request would get again. */
function isFinal(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && status >= 400 && status < 500 &&
    ![401, 403, 404, 408, 429].includes(status);
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const status = statusOf(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}${status === undefined ? "" : ` (${status})`}`.slice(0, 300);
}

export class QdrantVectors implements VectorStore {
  readonly #client: QdrantClient;
  readonly #circuit: Circuit;
  readonly #waiting: WaitingWrites;
  readonly #ensured = new Set<string>();
  readonly #wanted = new Set<string>();
  readonly #filled = new Gate();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #answeredAt = 0;

  constructor(readonly options: QdrantVectorsOptions) {
    const { url, meter, log, waitingMax = limits.vectorsWaitingMax } = options;
    const { protocol, host, password } = new URL(url);
    this.#waiting = new WaitingWrites(waitingMax);
    this.#client = new QdrantClient({
      url: `${protocol}//${host}`,
      // As a header and not as `apiKey`: with that the client warns on the console.
      ...(password ? { headers: { "api-key": decodeURIComponent(password) } } : {}),
      timeout: writeMsMax,
      checkCompatibility: false,
    });
    this.#circuit = new Circuit((reason) => {
      meter.circuit(reason !== undefined);
      if (reason === undefined) log.info("Qdrant is there");
      else if (reason !== connecting) log.warn("Qdrant is away: points wait", { reason });
    });
    this.#circuit.open(connecting);
    this.#running = this.#run();
  }

  fault(): string | undefined {
    return this.#circuit.reason;
  }

  /** Points that wait to be written or removed. */
  get waiting(): number {
    return this.#waiting.size;
  }

  async ensure(collection: string): Promise<void> {
    checkCollection(collection);
    this.#wanted.add(collection);
    this.#filled.open();
    await this.#call("ensure", limits.vectorCallMsMax, () => this.#make(collection));
  }

  // Async, so that what is wrong rejects.
  // deno-lint-ignore require-await
  async upsert(collection: string, points: readonly Point[]): Promise<void> {
    for (const { vector } of points) checkVector(vector);
    this.#add(collection, new Map(points.map((point) => [point.id, point])));
  }

  // deno-lint-ignore require-await
  async remove(collection: string, ids: readonly string[]): Promise<void> {
    this.#add(collection, new Map(ids.map((id) => [id, null])));
  }

  #add(collection: string, writes: ReadonlyMap<string, Write>): void {
    checkCollection(collection);
    if (this.#stop.signal.aborted) throw new Unavailable("vectors", "The vector store is closed");
    this.#wanted.add(collection);
    this.#waiting.add(collection, writes);
    this.options.meter.waiting(this.#waiting.size);
    this.#filled.open();
  }

  async search(collection: string, vector: readonly number[], k: number, studio: string) {
    checkCollection(collection);
    checkVector(vector);
    checkCount(k);
    const { points } = await this.#call(
      "search",
      limits.vectorCallMsMax,
      () =>
        this.#client.query(collection, {
          query: [...vector],
          limit: k,
          filter: { must: [{ key: "studio", match: { value: studio } }] },
          with_payload: true,
        }),
    );
    return points.map(({ score, payload }): Neighbour => {
      const { id, data } = payload as { id: string; data: JsonObject };
      return { id, score, payload: data };
    });
  }

  /** Makes a call unless the circuit is open. @throws {Unavailable} */
  async #call<T>(name: string, ms: number, call: () => Promise<T>): Promise<T> {
    const { meter } = this.options;
    const reason = this.#circuit.reason;
    if (reason !== undefined) {
      meter.refused(name);
      throw new Unavailable("vectors", `The vector store is away: ${reason}`);
    }
    try {
      const answer = await meter.run(name, () => within(ms, call()));
      this.#answered();
      return answer;
    } catch (error) {
      if (statusOf(error) === undefined) {
        this.#circuit.failed(textOf(error));
        // The loop looks for it.
        this.#filled.open();
      }
      throw new Unavailable("vectors", `The vector store has failed: ${textOf(error)}`, {
        cause: error,
      });
    }
  }

  async #make(collection: string): Promise<void> {
    const { exists } = await this.#client.collectionExists(collection);
    if (!exists) {
      await this.#client.createCollection(collection, {
        vectors: { size: dimensions, distance: "Cosine" },
      }).catch((error) => {
        // Another node was quicker.
        if (statusOf(error) !== 409) throw error;
      });
    }
    // A search looks at one studio alone. Making it again changes nothing.
    await this.#client.createPayloadIndex(collection, {
      field_name: "studio",
      field_schema: "keyword",
      wait: true,
    });
    this.#ensured.add(collection);
  }

  async #write({ collection, writes, isRemoval }: WriteBatch): Promise<void> {
    if (isRemoval) {
      const points = [...writes.keys()].map(pointId);
      await this.#client.delete(collection, { points, wait: true });
      return;
    }
    const points = [...writes.values()].map((point) => {
      const { id, vector, payload } = point!;
      const named = { id, studio: studioOf(id), data: payload };
      return { id: pointId(id), vector: [...vector], payload: named };
    });
    await this.#client.upsert(collection, { points, wait: true });
  }

  /** One step of the loop. @returns false when there is nothing to do. @throws it could not be done */
  async #step(): Promise<boolean> {
    const { meter, log } = this.options;
    const isAway = this.#circuit.reason !== undefined;
    if (isAway || performance.now() - this.#answeredAt >= lookMs) {
      await within(writeMsMax, this.#client.getCollections());
      // It may have come back empty.
      if (isAway) this.#ensured.clear();
      this.#answered();
    }
    const absent = [...this.#wanted].find((collection) => !this.#ensured.has(collection));
    if (absent !== undefined) {
      await within(writeMsMax, this.#make(absent));
      return true;
    }
    const batch = this.#waiting.next(writesPerCall);
    if (batch === undefined) return false;
    const name = batch.isRemoval ? "remove" : "upsert";
    try {
      await meter.run(name, () => within(writeMsMax, this.#write(batch)));
    } catch (error) {
      if (statusOf(error) === 404) this.#ensured.delete(batch.collection);
      if (!isFinal(error)) throw error;
      log.error("Qdrant refuses points: they are given up", { reason: textOf(error) });
      meter.lost(name, batch.writes.size);
    }
    this.#answered();
    this.#waiting.done(batch);
    meter.waiting(this.#waiting.size);
    return true;
  }

  #answered(): void {
    this.#answeredAt = performance.now();
    this.#circuit.succeeded();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        if (await this.#step()) continue;
        await this.#filled.wait(AbortSignal.any([signal, AbortSignal.timeout(lookMs)]));
      } catch (error) {
        this.#circuit.open(textOf(error));
        await sleep(retryMs, signal);
      }
    }
  }

  async close(): Promise<void> {
    const deadline = performance.now() + limits.vectorCallMsMax;
    while (this.waiting > 0 && this.fault() === undefined && performance.now() < deadline) {
      await sleep(10, this.#stop.signal);
    }
    if (this.waiting > 0) this.options.meter.lost("upsert", this.waiting);
    this.#stop.abort();
    await this.#running;
  }
}
