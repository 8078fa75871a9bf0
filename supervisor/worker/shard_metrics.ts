/**
 * What shards do, as metrics.
 *
 * @module
 */
import { ActorHalted, InvalidInput } from "../../schema/errors.ts";
import type { Logger } from "../observability/logger.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import type { ShardEvents, ShardReport } from "../shard/shard_types.ts";
import type { CommitBatch } from "../store/store.ts";

const differentHash =
  "The shard's snapshots are not those that its owners wrote; each is checked when it is loaded";

function letterCode(error: Error): string {
  if (error instanceof InvalidInput) return "invalid";
  return error instanceof ActorHalted ? error.code : "poison";
}

/** Counts what a shard of `stage` tells, then passes commits on. */
export function shardEvents(
  stage: string,
  sink: MetricsSink,
  log: Logger,
  onCommitted: (batch: CommitBatch, touched: readonly string[]) => void,
): ShardEvents {
  return {
    committed(batch, touched, durationMs) {
      sink.add("shard_commits_total", 1, { stage });
      sink.add("shard_commit_rows_total", batch.rows.length + batch.snapshots.length, { stage });
      sink.observe("shard_commit_seconds", durationMs / 1000, { stage });
      for (const code of batch.refusals ?? []) {
        sink.add("dead_letters_total", 1, { source: stage, code: "refused" });
        if (!code.startsWith("merge_")) continue;
        sink.add("merges_refused_total", 1, { reason: code.slice("merge_".length) });
      }
      onCommitted(batch, touched);
    },
    taken(gapMs) {
      const how = gapMs === undefined ? "forced" : "released";
      sink.add("shard_taken_total", 1, { stage, how });
      if (gapMs !== undefined) sink.observe("shard_handoff_gap_seconds", gapMs / 1000, { stage });
    },
    verified({ recorded, summed }) {
      const result = recorded === summed ? "equal" : "different";
      sink.add("shard_hash_verified_total", 1, { stage, result });
      if (result === "equal") return;
      log.error(differentHash, { stage, recorded, summed });
    },
    waiting(error) {
      log.debug("Waiting for a resource", { stage, error: error.message });
    },
    retaken(error) {
      sink.add("shard_retakes_total", 1, { stage });
      log.warn("Took the shard again as a commit's outcome is unknown", {
        stage,
        error: error.message,
      });
    },
    parked(actorId, error) {
      sink.add("dead_letters_total", 1, { source: stage, code: letterCode(error) });
      // A halted actor has said so once.
      if (error instanceof ActorHalted) return;
      log.warn("Dead-lettered an event", { stage, actor: actorId, error: error.message });
    },
    rebuilt(actorId, reason) {
      sink.add("snapshots_rebuilt_total", 1, { stage, reason });
      log.warn("Rebuilt an actor from the journal as its snapshot is no good", {
        stage,
        actor: actorId,
        reason,
      });
    },
    halted(actorId, reason) {
      sink.add("actors_halted_total", 1, { stage });
      log.error("Halted an actor: its events go to dlq.events until it is restarted", {
        stage,
        actor: actorId,
        reason,
      });
    },
  };
}

/** The counters of a shard that are totals in its report, as growth since the last report. */
export class ShardGauges {
  readonly #last = new Map<string, ShardReport>();

  /** A shard that is gone; should it come back, it begins anew. */
  forget({ stage, partition }: { readonly stage: string; readonly partition: number }): void {
    this.#last.delete(`${stage}/${partition}`);
  }

  record(report: ShardReport, sink: MetricsSink): void {
    const { stage, partition } = report;
    const key = `${stage}/${partition}`;
    const last = this.#last.get(key);
    const grown = (of: (r: ShardReport) => number) =>
      Math.max(0, of(report) - (last === undefined ? 0 : of(last)));
    const labels = { stage, partition };
    sink.set("shard_next_offset", report.nextOffset, labels);
    sink.set("actors_live", report.actors, labels);
    sink.set("actors_halted", report.halted, labels);
    sink.set("actor_bytes", report.actorBytes, labels);
    sink.set("outbox_pending", report.emitting, labels);
    sink.add("events_applied_total", grown((r) => r.applied), { stage });
    sink.add("events_duplicate_total", grown((r) => r.ignored), { stage });
    sink.add("actors_loaded_total", grown((r) => r.loaded), { stage });
    sink.add("actors_passivated_total", grown((r) => r.passivated), { stage });
    this.#last.set(key, report);
  }
}
