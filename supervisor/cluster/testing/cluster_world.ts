/**
 * Several nodes in one process over one log and one store in memory, linked through real sockets: all of
 * a cluster but its processes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Unavailable } from "../../../schema/errors.ts";
import { playerId } from "../../../schema/event.ts";
import { partitionOf } from "../../../schema/partition.ts";
import { topicTable } from "../../../schema/topics.ts";
import type { PlayerProfile } from "../../../schema/queries/player_queries.ts";
import { LocalPlatform } from "../../local_platform.ts";
import { MemoryLog } from "../../log/memory_log.ts";
import { CostLedger } from "../../observability/cost_ledger.ts";
import { createLogger } from "../../observability/logger.ts";
import { MetricsAccumulator } from "../../observability/metrics_sink.ts";
import { systemClock } from "../../shard/clock.ts";
import { gameStage, playerStage } from "../../shard/stages.ts";
import { rawEvent } from "../../shard/testing/shard_world.ts";
import { MemoryStore } from "../../store/memory_store.ts";
import type { StageName } from "../../store/store.ts";
import type { ChildSpec } from "../../tree/child.ts";
import { Supervisor } from "../../tree/supervisor.ts";
import { ShardHost } from "../../worker/shard_host.ts";
import { WatchHub } from "../../worker/watch_hub.ts";
import type { PlacedReport } from "../../worker/worker_pool.ts";
import type { ShardId } from "../../worker/worker_protocol.ts";
import { Cluster, type ClusterOptions, lifeOf, type NodeShards } from "../cluster.ts";
import type { Membership } from "../membership/membership.ts";
import { MemoryMembership } from "../membership/memory_membership.ts";
import { allShards, shardsOf } from "../shard_router.ts";

export const topics = topicTable(4);
const quiet = createLogger({ write() {}, level: () => "silent", now: () => 0 });
const keyOf = ({ stage, partition }: ShardId) => `${stage}/${partition}`;

/** One worker's shards as a pool, on this thread. */
function hostPool(world: ClusterWorld, nodeId: string, life: string, stages: StageName[]) {
  const now = Date.now;
  const costs = { player: new CostLedger({ now }), game: new CostLedger({ now }) };
  const own = new Map<string, ShardId>();
  const leaving = new Map<string, Promise<void>>();
  const host = new ShardHost({
    owner: `${nodeId}/worker-0`,
    stages,
    shards: [],
    lease: life,
    rawPartitions: topics["player.events.raw"].partitions,
    storeUrl: "",
    log: { type: "kafka", url: "", rawPartitions: 4, clientId: "" },
    actorBytesMax: 1e9,
    logLevel: "silent",
    clockOffsetMs: 0,
    stageModules: {},
  }, {
    log: world.log,
    store: world.store,
    stages: { player: playerStage(), game: gameStage() },
    costs,
    fired: (notice) => watches.fired(notice),
    lost: (shard) => own.delete(keyOf(shard)),
  });
  const watches = new WatchHub(
    (watch) => host.watches.add(watch),
    (id) => host.watches.remove(id),
  );
  type Calls = Record<string, (input: unknown) => never>;
  const pool: NodeShards = {
    watches,
    isUp: true,
    has: (shard) => own.has(keyOf(shard)),
    owned: () => [...own.values()].filter((shard) => !leaving.has(keyOf(shard))),
    assign(shard) {
      own.set(keyOf(shard), shard);
      void host.assign(shard);
    },
    revoke(shard) {
      const gone = leaving.get(keyOf(shard)) ?? host.revoke(shard).then(() => {
        own.delete(keyOf(shard));
        leaving.delete(keyOf(shard));
      });
      leaving.set(keyOf(shard), gone);
      return gone;
    },
    shards: () => stages.flatMap((stage) => shardsOf(stage, topics)),
    // As through a worker: whatever is thrown rejects.
    // deno-lint-ignore require-await
    call: async (_shard, name, input) => (host as unknown as Calls)[name]!(input),
    // deno-lint-ignore require-await
    callAll: async (name, input) => [(host as unknown as Calls)[name]!(input)],
    placeOf: (shard) =>
      own.has(keyOf(shard)) ? { node: nodeId, worker: "worker-0" } : { node: null, worker: null },
    freshReports: () =>
      Promise.resolve(
        host.report().shards.map((shard): PlacedReport => ({
          ...shard,
          node: nodeId,
          worker: "worker-0",
        })),
      ),
  };
  return { host, pool };
}

/** Membership of a node that can be cut off from the store. */
function cuttable(store: MemoryStore, line: { readonly isCut: boolean }): Membership {
  const membership = new MemoryMembership(store);
  return {
    beat: (beat) =>
      line.isCut ? Promise.reject(new Unavailable("store", "cut")) : membership.beat(beat),
    leave: (life) => line.isCut ? Promise.resolve() : membership.leave(life),
    close: () => membership.close(),
  };
}

/** The parts of a node in the order in which a real one starts and stops them. */
function rootOf(nodeId: string, cluster: Cluster, host: ShardHost): Supervisor {
  const workers: ChildSpec = {
    id: "workers",
    type: "worker",
    restart: "permanent",
    shutdownMs: 10_000,
    start: () => ({ exited: host.exited, stop: () => host.stop() }),
  };
  return Supervisor.root({
    id: nodeId,
    strategy: "one_for_one",
    children: [...cluster.specs(), workers, cluster.handOverSpec()],
    env: { clock: systemClock(), random: Math.random, log: quiet },
  });
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return (listener.addr as Deno.NetAddr).port;
}

/** A node that runs. */
export interface TestNode {
  readonly nodeId: string;
  readonly port: number;
  readonly life: string;
  readonly cluster: Cluster;
  readonly platform: LocalPlatform;
  readonly host: ShardHost;
  readonly metrics: MetricsAccumulator;
  /** Partitions of players that run here. */
  partitions(): number[];
  /** Ends in order: hands over first. */
  leave(): Promise<void>;
  /** Ends without a word, as a process that is killed. */
  vanish(): Promise<void>;
}

export interface JoinOptions extends Partial<Pick<ClusterOptions, "roles" | "tls" | "token">> {
  /** @default "http" */
  readonly scheme?: "http" | "https";
}

export class ClusterWorld {
  readonly log = new MemoryLog({ topics, now: Date.now });
  readonly store = new MemoryStore();
  readonly #ends: (() => Promise<void>)[] = [];

  async join(nodeId: string, change: JoinOptions = {}): Promise<TestNode> {
    const { roles = ["gateway", "player", "game"], tls, token = "s3cret", scheme = "http" } =
      change;
    const life = lifeOf(nodeId);
    const stages = (["player", "game"] as const).filter((stage) => roles.includes(stage));
    const { host, pool } = hostPool(this, nodeId, life, stages);
    const metrics = new MetricsAccumulator();
    const clock = systemClock();
    const port = freePort();
    const line = { isCut: false };
    const cluster = new Cluster({
      nodeId,
      life,
      roles,
      workers: 1,
      url: `${scheme}://localhost:${port}`,
      token,
      port,
      tls,
      shards: pool,
      allShards: allShards(topics),
      membership: () => Promise.resolve(cuttable(this.store, line)),
      clock,
      metrics,
      log: quiet,
    });
    const root = rootOf(nodeId, cluster, host);
    await root.start();
    const platform = new LocalPlatform({
      log: () => this.log,
      topics,
      shards: cluster.shards,
      watches: cluster.watches,
      clock,
      events: () => assert.fail("no store to read events from"),
      health: () => [cluster.health()],
    });
    let isOver = false;
    const leave = async () => {
      if (!isOver) await root.stop();
      isOver = true;
    };
    this.#ends.push(leave);
    return {
      nodeId,
      port,
      life,
      cluster,
      platform,
      host,
      metrics,
      leave,
      partitions: () =>
        pool.owned().flatMap((s) => s.stage === "player" ? [s.partition] : []).sort(),
      vanish: async () => {
        isOver = true;
        line.isCut = true;
        root.kill();
        cluster.peers.close();
        // Its shards commit nothing more, and let go of nothing.
        await Promise.all(host.report().shards.map((shard) => this.#freeze(shard)));
      },
    };
  }

  /** Whoever held it before can write no more, as if its process were gone; its lease runs on. */
  async #freeze({ stage, partition }: { stage: string; partition: number }): Promise<void> {
    const held = this.store.heldShards().find((h) =>
      h.stage === stage && h.partition === partition
    );
    await this.store.takeShard(
      stage as StageName,
      partition,
      "frozen",
      undefined,
      held?.life ?? undefined,
    )
      .catch(() => {});
  }

  /** Sends an event of each user, as a gateway does. */
  async send(...users: string[]): Promise<void> {
    const { partitions } = topics["player.events.raw"];
    const records = users.map((user_id) => {
      const event = rawEvent({ user_id, timestamp: Date.now() });
      const key = playerId(event);
      return { partition: partitionOf(key, partitions), key, value: JSON.stringify(event) };
    });
    await this.log.append("player.events.raw", records);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.toReversed()) await end();
  }
}

/** Waits until `holds`; fails after `ms`. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!await holds()) {
    assert.ok(performance.now() < end, `it did not happen within ${ms} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** How many events a node says a user has sent. */
export async function eventsOf({ platform }: TestNode, user: string): Promise<number> {
  const profile = await platform.ask("player", `demo/${user}`, { type: "profile" });
  return (profile as PlayerProfile | null)?.eventsTotal ?? 0;
}
