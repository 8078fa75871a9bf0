import assert from "node:assert/strict";
import { topicTable } from "../../schema/topics.ts";
import type { LogAccess } from "../log/log_access.ts";
import { createMetrics } from "../observability/metrics.ts";
import type { ChildSpec } from "../tree/child.ts";
import type { Rpc } from "./rpc.ts";
import type { WorkerChildOptions } from "./worker_child.ts";
import { WorkerPool } from "./worker_pool.ts";
import type { ShardId, WorkerInit } from "./worker_protocol.ts";

const shard = (partition: number): ShardId => ({ stage: "player", partition });
const log: LogAccess = { type: "kafka", url: "kafka://nowhere", rawPartitions: 12, clientId: "" };

/** A worker as its pool sees it: what it began with, and what it was called. */
class Worker {
  readonly calls: string[] = [];
  constructor(readonly options: WorkerChildOptions) {}

  /** The shards that it begins with. */
  async init(): Promise<number[]> {
    const { init } = await this.options.init(new AbortController().signal);
    return (init as WorkerInit).shards.map(({ partition }) => partition);
  }

  /** It serves calls from now on. */
  run(): void {
    const call = (name: string, { partition }: ShardId) => {
      this.calls.push(`${name} ${partition}`);
      return Promise.resolve();
    };
    this.options.onRunning({ call, notify: () => {} } as unknown as Rpc);
  }
}

/** A pool of two workers of a node among several, which begins with no shard. */
function pool() {
  const workers: Worker[] = [];
  const made = new WorkerPool({
    nodeId: "a",
    workers: 2,
    topics: topicTable(12),
    stages: ["player"],
    lease: "a#1",
    actorBytesMaxPerWorker: 1,
    clockOffsetMs: 0,
    stageModules: {},
    storeUrl: () => Promise.resolve("postgres://nowhere"),
    connectLog: () => log,
    metrics: createMetrics(),
    child: (options) => {
      workers.push(new Worker(options));
      return { id: options.id } as ChildSpec;
    },
  });
  made.specs();
  return { pool: made, first: workers[0]!, second: workers[1]! };
}

/** Both run; the first has shards 0 and 2, the second 1 and 3. */
async function running() {
  const made = pool();
  for (const worker of [made.first, made.second]) {
    assert.deepEqual(await worker.init(), []);
    worker.run();
  }
  for (const partition of [0, 1, 2, 3]) made.pool.assign(shard(partition));
  return made;
}

Deno.test("WorkerPool deals shards out evenly, and has a worker that starts begin with its own", async () => {
  const { pool, first, second } = await running();
  assert.deepEqual(first.calls, ["assign 0", "assign 2"]);
  assert.deepEqual(second.calls, ["assign 1", "assign 3"]);
  second.options.onGone();
  assert.deepEqual(await second.init(), [1, 3]);
  assert.deepEqual(pool.placeOf(shard(3)), { node: "a", worker: "worker-1" });
});

Deno.test("WorkerPool has a worker let go of what went to another while it was starting", async () => {
  const { pool, second } = await running();
  second.options.onGone();
  assert.deepEqual(await second.init(), [1, 3]);
  await pool.revoke(shard(1));
  pool.assign(shard(5));
  pool.assign(shard(1));
  assert.equal(pool.placeOf(shard(1)).worker, "worker-0");
  second.calls.length = 0;
  second.run();
  assert.deepEqual(second.calls, ["assign 3", "assign 5", "revoke 1"]);
});

Deno.test("WorkerPool forgets a shard that was lost, unless it is another worker's by now", async () => {
  const { pool, first, second } = await running();
  await pool.revoke(shard(1));
  pool.assign(shard(5));
  pool.assign(shard(1));
  assert.equal(pool.placeOf(shard(1)).worker, "worker-0");
  second.options.onLost(shard(1));
  assert.equal(pool.has(shard(1)), true);
  first.options.onLost(shard(1));
  assert.equal(pool.has(shard(1)), false);
});
