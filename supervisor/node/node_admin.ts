/**
 * What operators see of a node, gathered from its parts.
 *
 * @module
 */
import type {
  ActorAction,
  ActorRow,
  ActorSort,
  ActorView,
  AdminPlatform,
  AuditPage,
  AuditRow,
  CostView,
  HaltedRow,
  LetterFilter,
  ReplayManyOptions,
  ShardAction,
  ShardRow,
} from "../admin/admin_platform.ts";
import { identityOf, unmerge } from "../admin/actors/identities.ts";
import { AdminStore } from "../admin/admin_store.ts";
import { AuditTrail } from "../admin/audit_trail.ts";
import { DeadLetters } from "../admin/dlq/dead_letters.ts";
import { shardOf } from "../local_platform.ts";
import { InvalidInput, Unavailable } from "../../schema/errors.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import type { TopicName } from "../../schema/topics.ts";
import type { ActorCost } from "../observability/cost_ledger.ts";
import { logger, type LogLevel, logLevel, setLogLevel } from "../observability/logger.ts";
import type { ActorKind, PartHealth } from "../platform.ts";
import { asOfPoint, type Point } from "../replay/point.ts";
import type { StageName } from "../store/store.ts";
import type { ChildSpec } from "../tree/child.ts";
import type {
  ActInput,
  ActorInspection,
  ActorsInput,
  ActorsReport,
  AskInput,
  HaltedReport,
} from "../worker/worker_protocol.ts";
import type { PlacedReport } from "../worker/worker_pool.ts";
import { loopChild } from "./loop_child.ts";
import type { Node } from "./node.ts";

const auditEveryMs = 500;

function costView({ since, events, cpuUs, eventBytes, effects }: ActorCost): CostView {
  return {
    since: new Date(since).toISOString(),
    events,
    cpu_us: cpuUs,
    event_bytes: eventBytes,
    effects,
  };
}

export class NodeAdmin implements AdminPlatform {
  readonly #log = logger("audit");
  readonly #trail: AuditTrail;
  #store: AdminStore | undefined;

  /** @param drain begins to drain the process */
  constructor(readonly node: Node, readonly drain: () => void) {
    this.#trail = new AuditTrail({
      rows: () => this.#store,
      onDropped: (n) => node.metrics.sink.add("audit_dropped_total", n),
      now: () => node.clock.now(),
    });
  }

  /** Writes the audit trail; stands before the admin listener, so that it ends after it. */
  spec(): ChildSpec {
    const { clock, store } = this.node;
    return loopChild("audit", auditEveryMs, clock, async (stop) => {
      this.#store ??= new AdminStore(await store.url(stop));
      await this.#trail.tend();
    }, async () => {
      await this.#trail.flush().catch(() => {});
      await this.#store?.close();
      this.#store = undefined;
    });
  }

  /** Takes an entry of the trail; returns at once. */
  record(row: AuditRow): void {
    this.#log.info("Admin call", { ...row });
    this.#trail.record(row);
  }

  /** @throws {Unavailable} the store is starting */
  get #kept(): AdminStore {
    if (this.#store !== undefined) return this.#store;
    throw new Unavailable("store", "The store is starting");
  }

  async audit(cursor: string | undefined, limit: number): Promise<AuditPage> {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
      const message = "Cannot go on from this cursor: send the next_cursor of a page as it was";
      throw new InvalidInput("invalid_cursor", message, "cursor");
    }
    // Who looks sees their own calls before this one.
    await this.#trail.flush();
    return await this.#kept.readAudit(cursor === undefined ? undefined : Number(cursor), limit);
  }

  logLevel(): LogLevel {
    return logLevel();
  }

  setLogLevel(level: LogLevel): void {
    setLogLevel(level);
    this.node.workers.notifyAll("logLevel", level);
  }

  tree() {
    return this.node.tree();
  }

  async shards(): Promise<ShardRow[]> {
    return await this.#rows(await this.node.shards.freshReports());
  }

  /** Shards that nobody serves have a row, too. */
  async #rows(reports: readonly PlacedReport[]): Promise<ShardRow[]> {
    const { log, shards, cluster } = this.node;
    const [raw, deltas] = await Promise.all(
      (["player.events.raw", "game.deltas"] as const satisfies TopicName[])
        .map((topic) => log.log.ends(topic)),
    );
    const rows = reports.map((report): ShardRow => {
      const end = (report.stage === "player" ? raw : deltas)![report.partition]!.end;
      return {
        stage: report.stage,
        partition: report.partition,
        node: report.node,
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
    if (cluster === undefined) return rows;
    const served = new Set(rows.map((row) => `${row.stage}/${row.partition}`));
    const held = new Map(cluster.member.view.shards.map((h) => [`${h.stage}/${h.partition}`, h]));
    const others = shards.shards().flatMap((shard): ShardRow[] => {
      const { stage, partition } = shard;
      const key = `${stage}/${partition}`;
      if (served.has(key)) return [];
      const end = (stage === "player" ? raw : deltas)![partition]!.end;
      const { epoch = 0, nextOffset = 0 } = held.get(key) ?? {};
      return [{
        stage,
        partition,
        ...shards.placeOf(shard),
        epoch,
        next_offset: nextOffset,
        end_offset: end,
        lag: end - nextOffset,
        actors: 0,
        mailbox: 0,
        state: "unserved",
        snapshot_age_ms: 0,
      }];
    });
    return [...rows, ...others];
  }

  async actor(kind: ActorKind, id: string, asOf?: Point): Promise<ActorView | null> {
    const { shards, topics, clock } = this.node;
    const shard = shardOf(kind, id, topics);
    const input: AskInput = {
      ...shard,
      actorId: id,
      query: undefined,
      now: clock.now(),
      asOf: asOf === undefined ? undefined : asOfPoint(asOf, shard.partition),
    };
    const [found, profile] = await Promise.all([
      shards.call<ActorInspection | null>(shard, "inspect", input),
      kind === "player" ? this.#profile(id, input.asOf) : null,
    ]);
    if (found === null) return null;
    const cost = asOf === undefined ? costView(found.cost) : null;
    return { kind, ...found, ...identityOf(profile), cost };
  }

  async #profile(id: string, asOf?: AskInput["asOf"]): Promise<PlayerProfile | null> {
    const { shards, topics, clock } = this.node;
    const shard = shardOf("player", id, topics);
    const query = { type: "profile" } as const;
    const input: AskInput = { ...shard, actorId: id, query, now: clock.now(), asOf };
    // An unknown actor is `undefined` in this process, and `null` once it came over a link.
    return await shards.call<PlayerProfile | null | undefined>(shard, "ask", input) ?? null;
  }

  async unmerge(id: string, call: string) {
    const { log: { log }, topics, clock } = this.node;
    const profile = (id: string) => this.#profile(id);
    return await unmerge({ log, topics, profile, now: () => clock.now() }, id, call);
  }

  async actors(kind: ActorKind, sort: ActorSort, limit: number): Promise<ActorRow[]> {
    const { shards, topics } = this.node;
    const input: ActorsInput = { stage: kind, sort, limit };
    const reports = await shards.callAll<ActorsReport>("actors", input);
    const total = reports.reduce((sum, report) => sum + report.total, 0);
    const measure = (actor: ActorsReport["items"][number]) =>
      sort === "cpu" ? actor.cost.cpuUs : sort === "events" ? actor.cost.events : actor[sort];
    return reports.flatMap(({ items }) => items)
      .sort((a, b) => measure(b) - measure(a) || (a.id < b.id ? -1 : 1))
      .slice(0, limit)
      .map((actor) => {
        const shard = shardOf(kind, actor.id, topics);
        return {
          kind,
          id: actor.id,
          partition: shard.partition,
          ...shards.placeOf(shard),
          bytes: actor.bytes,
          mailbox: actor.mailbox,
          cost: costView(actor.cost),
          hot: actor.hot,
          share: total === 0 ? 0 : Math.round(1000 * measure(actor) / total) / 1000,
        };
      });
  }

  async halted(): Promise<HaltedRow[]> {
    const { shards } = this.node;
    const reports = await shards.callAll<HaltedReport[]>("halted", undefined);
    return reports.flat().map(({ stage, partition, actorId, reason, since, offset, letters }) => ({
      kind: stage,
      id: actorId,
      partition,
      ...shards.placeOf({ stage, partition }),
      reason,
      since: new Date(since).toISOString(),
      position: offset < 0 ? null : `${partition}:${offset}`,
      dead_letters: letters,
    }));
  }

  actActor(kind: ActorKind, id: string, action: ActorAction): Promise<boolean> {
    const { shards, topics } = this.node;
    const shard = shardOf(kind, id, topics);
    const input: ActInput = { ...shard, actorId: id, action };
    return shards.call<boolean>(shard, "act", input);
  }

  async actShard(
    stage: StageName,
    partition: number,
    action: ShardAction,
  ): Promise<ShardRow | null> {
    const { shards } = this.node;
    const isIt = (shard: { stage: string; partition: number }) =>
      shard.stage === stage && shard.partition === partition;
    const id = shards.shards().find(isIt);
    if (id === undefined) return null;
    await shards.call(id, action, id);
    return (await this.shards()).find(isIt) ?? null;
  }

  async dlqList(cursor: string | undefined, limit: number) {
    return await this.#letters().list(cursor, limit);
  }

  async dlqGet(id: string) {
    return await this.#letters().get(id);
  }

  async dlqReplay(id: string, call: string, edited?: unknown) {
    return await this.#letters().replay(id, call, edited);
  }

  async dlqReplayMany(filter: LetterFilter, options: ReplayManyOptions, call: string) {
    return await this.#letters().replayMany(filter, options, call);
  }

  async dlqDiscard(id: string, call: string) {
    return await this.#letters().discard(id, call);
  }

  #letters(): DeadLetters {
    return new DeadLetters(this.node.log.log, this.node.topics, this.#kept);
  }

  ready(): readonly PartHealth[] {
    return this.node.health();
  }

  async metrics(): Promise<string> {
    const { metrics, workers, log, cluster } = this.node;
    // Each node tells of its own shards.
    for (const shard of await this.#rows(await workers.freshReports())) {
      if (shard.state === "unserved") continue;
      const labels = { stage: shard.stage, partition: shard.partition };
      metrics.sink.set("shard_end_offset", shard.end_offset, labels);
      metrics.sink.set("shard_lag", shard.lag, labels);
    }
    for (const { part, ready } of this.ready()) {
      metrics.sink.set("part_ready", Number(ready), { part });
    }
    for (const [topic, bytes] of Object.entries(log.bytes())) {
      metrics.sink.set("log_bytes", bytes, { topic });
    }
    metrics.sink.set("subscriptions", (cluster?.watches ?? workers.watches).size);
    return metrics.text();
  }
}
