/**
 * What operators see of a node, gathered from its parts.
 *
 * @module
 */
import type { ActorView, AdminPlatform, ShardRow } from "../admin/admin_platform.ts";
import { DeadLetters } from "../admin/dead_letters.ts";
import { shardOf } from "../local_platform.ts";
import type { ActorKind, PartHealth } from "../platform.ts";
import type { TopicName } from "../../schema/topics.ts";
import type { ActorInspection, AskInput } from "../worker/worker_protocol.ts";
import type { Node } from "./node.ts";

export class NodeAdmin implements AdminPlatform {
  /** @param drain begins to drain the process */
  constructor(readonly node: Node, readonly drain: () => void) {}

  tree() {
    return this.node.tree();
  }

  async shards(): Promise<ShardRow[]> {
    const { workers, log, options } = this.node;
    await workers.refresh();
    const [raw, deltas] = await Promise.all(
      (["player.events.raw", "game.deltas"] as const satisfies TopicName[])
        .map((topic) => log.log.ends(topic)),
    );
    return workers.reports().map((report) => {
      const end = (report.stage === "player" ? raw : deltas)![report.partition]!.end;
      return {
        stage: report.stage,
        partition: report.partition,
        node: options.config.nodeId,
        worker: report.worker,
        epoch: report.epoch,
        next_offset: report.nextOffset,
        end_offset: end,
        lag: end - report.nextOffset,
        actors: report.actors,
        mailbox: report.mailbox,
        state: report.state,
        snapshot_age_ms: report.snapshotAgeMs,
      };
    });
  }

  async actor(kind: ActorKind, id: string, asOf?: number): Promise<ActorView | null> {
    const { workers, topics, clock } = this.node;
    const shard = shardOf(kind, id, topics);
    const input: AskInput = {
      ...shard,
      actorId: id,
      query: undefined,
      now: asOf ?? clock.now(),
      asOf: asOf === undefined ? undefined : { receivedAt: asOf },
    };
    const found = await workers.call<ActorInspection | null>(shard, "inspect", input);
    return found === null ? null : { kind, ...found, cost: null, recent_effects: [] };
  }

  dlqList(cursor: string | undefined, limit: number) {
    return this.#letters().list(cursor, limit);
  }

  dlqGet(id: string) {
    return this.#letters().get(id);
  }

  dlqReplay(id: string, edited?: unknown) {
    return this.#letters().replay(id, edited);
  }

  #letters(): DeadLetters {
    return new DeadLetters(this.node.log.log, this.node.topics);
  }

  ready(): readonly PartHealth[] {
    return this.node.health();
  }

  async metrics(): Promise<string> {
    const { metrics, workers, log } = this.node;
    for (const shard of await this.shards()) {
      const labels = { stage: shard.stage, partition: shard.partition };
      metrics.sink.set("shard_end_offset", shard.end_offset, labels);
      metrics.sink.set("shard_lag", shard.lag, labels);
    }
    for (const { part, ready } of this.ready()) {
      metrics.sink.set("part_ready", Number(ready), { part });
    }
    for (const [topic, stats] of Object.entries(log.writer?.stats() ?? {})) {
      metrics.sink.set("log_bytes", stats.bytes, { topic });
    }
    metrics.sink.set("subscriptions", workers.watches.size);
    return metrics.text();
  }
}
