/**
 * The resources that a node can do without: cache, vectors, objects. Embedded ones are made when
 * somebody asks for them and are no part of the tree; servers are.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../../schema/config.ts";
import { limits } from "../../schema/limits.ts";
import type { Boards, Cache } from "../cache/cache.ts";
import { LeasedBuckets } from "../cache/leased_buckets.ts";
import { MemoryRateLimiter } from "../cache/memory/memory_rate_limiter.ts";
import { memoryCache } from "../cache/memory/memory_cache.ts";
import { ScoreFeed } from "../leaderboards/score_feed.ts";
import { FileObjects } from "../objects/file_objects.ts";
import type { Objects } from "../objects/objects.ts";
import { s3Address, S3Objects } from "../objects/s3_objects.ts";
import { logger } from "../observability/logger.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import { ResourceMeter } from "../observability/resource_meter.ts";
import type { PartHealth } from "../platform.ts";
import type { Clock } from "../shard/clock.ts";
import type { ChildSpec } from "../tree/child.ts";
import { MemoryVectors } from "../vectors/memory_vectors.ts";
import type { VectorStore } from "../vectors/vectors.ts";
import { ResourcePart } from "./resource_part.ts";
import { type WatchedObjects, watchedObjects } from "./watched_objects.ts";

export interface NodeResourcesOptions {
  readonly config: Pick<Config, "cacheUrl" | "vectorsUrl" | "objectsUrl" | "dataDir">;
  readonly clock: Clock;
  readonly sink: MetricsSink;
}

export class NodeResources {
  readonly #cache: ResourcePart<Cache> | undefined;
  readonly #vectors: ResourcePart<VectorStore> | undefined;
  readonly #objects: ResourcePart<WatchedObjects> | undefined;
  #embeddedCache: Cache | undefined;
  #embeddedVectors: VectorStore | undefined;
  #embeddedObjects: Objects | undefined;
  /** Brings scores to the long leaderboards; `undefined`: there are none. */
  readonly scores: ScoreFeed | undefined;

  constructor(readonly options: NodeResourcesOptions) {
    const { config: { cacheUrl, vectorsUrl, objectsUrl }, clock, sink } = options;
    const now = () => clock.now();
    if (!cacheUrl.startsWith("memory:")) {
      this.#cache = new ResourcePart({
        id: "cache",
        // Its client, as Qdrant's, takes a tenth of a second and some memory: only where it is used.
        open: async () => {
          const { redisCache } = await import("../cache/redis/redis_cache.ts");
          return redisCache({ url: cacheUrl, now, sink });
        },
        without: "rate limits are kept per node, leaderboards end at the game's own best",
      });
      this.scores = new ScoreFeed({
        boards: this.boards()!,
        meter: new ResourceMeter(sink, "scores"),
      });
    }
    if (!vectorsUrl.startsWith("memory:")) {
      const [meter, log] = [new ResourceMeter(sink, "vectors"), logger("vectors")];
      this.#vectors = new ResourcePart<VectorStore>({
        id: "vectors",
        open: async () => {
          const { QdrantVectors } = await import("../vectors/qdrant_vectors.ts");
          return new QdrantVectors({ url: vectorsUrl, meter, log });
        },
        without: "similarity is not answered, points wait",
      });
    }
    if (objectsUrl.startsWith("s3:")) {
      // Read here, so that a URL that says too little ends the start.
      const address = s3Address(objectsUrl);
      const meter = new ResourceMeter(sink, "objects");
      this.#objects = new ResourcePart({
        id: "objects",
        open: () => {
          const objects = new S3Objects({ address, meter, now });
          return watchedObjects(objects, clock, () => objects.close());
        },
        without: "objects are neither read nor written",
      });
    }
  }

  /** @throws {Unavailable} it is starting */
  get cache(): Cache {
    if (this.#cache !== undefined) return this.#cache.resource;
    return this.#embeddedCache ??= memoryCache({ now: () => this.options.clock.now() });
  }

  /** @throws {Unavailable} they are starting */
  get vectors(): VectorStore {
    if (this.#vectors !== undefined) return this.#vectors.resource;
    return this.#embeddedVectors ??= new MemoryVectors(limits.vectorPointsMax);
  }

  /** @throws {Unavailable} they are starting */
  get objects(): Objects {
    if (this.#objects !== undefined) return this.#objects.resource.objects;
    return this.#embeddedObjects ??= new FileObjects(this.#objectsFolder());
  }

  /** `file:` alone is a folder of the node's data. */
  #objectsFolder(): string {
    const { objectsUrl, dataDir } = this.options.config;
    return objectsUrl === "file:" ? join(dataDir, "objects") : fileURLToPath(objectsUrl);
  }

  /** Buckets that answer at once: this node's own, or leased from those that all share. */
  rateBuckets(): Pick<LeasedBuckets, "takeNow"> {
    const part = this.#cache;
    const now = () => this.options.clock.now();
    if (part === undefined) return new MemoryRateLimiter({ now });
    return new LeasedBuckets({ shared: () => part.resource.limits, now });
  }

  /** Leaderboards longer than a game actor's; `undefined` without a server to hold them. */
  boards(): Boards | undefined {
    const part = this.#cache;
    if (part === undefined) return undefined;
    // Async, so that a cache that is starting rejects as one that is away does.
    return {
      offer: async (board, scores) => await part.resource.boards.offer(board, scores),
      page: async (board, offset, first) => await part.resource.boards.page(board, offset, first),
      remove: async (board) => await part.resource.boards.remove(board),
    };
  }

  get #parts() {
    return [this.#cache, this.#vectors, this.#objects].filter((part) => part !== undefined);
  }

  /** Children for the servers among them; to be started before whoever uses them. */
  specs(): ChildSpec[] {
    return this.#parts.map((part) => part.spec());
  }

  health(): PartHealth[] {
    return this.#parts.map((part) => part.health());
  }
}
