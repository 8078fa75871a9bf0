/**
 * Every metric of the platform: name (without its prefix `gamemetrics_`), type, labels, meaning.
 * Units are Prometheus' base units: seconds, bytes.
 *
 * @module
 */

export interface Metric {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending; `+Inf` is added. */
  readonly buckets?: readonly number[];
}

export const metricPrefix = "gamemetrics_";

const secondsBuckets = [.001, .0025, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5] as const;
const shard = ["stage", "partition"] as const;
const stage = ["stage"] as const;

function counter<const L extends readonly string[]>(help: string, labels: L) {
  return { type: "counter", help, labels } as const;
}
function gauge<const L extends readonly string[]>(help: string, labels: L) {
  return { type: "gauge", help, labels } as const;
}
function seconds<const L extends readonly string[]>(help: string, labels: L) {
  return { type: "histogram", help, labels, buckets: secondsBuckets } as const;
}

export const metricTable = {
  // Gateway.
  http_requests_total: counter("HTTP requests answered.", ["route", "status"]),
  events_accepted_total: counter("Events acknowledged as durable.", ["protocol"]),
  events_rejected_total: counter("Events refused at the gateway.", ["code"]),
  accept_seconds: seconds("From a request's body read to its events durable.", ["protocol"]),
  websocket_clients: gauge("WebSocket connections open.", []),
  subscriptions: gauge("Live subscriptions.", []),
  guard_connections: gauge("Connections at the guard before the gateway.", []),
  guard_refusals_total: counter("Connections not taken, or ended: full, address, late, evicted.", [
    "reason",
  ]),
  requests_shed_total: counter("Requests and messages refused to spare the others.", []),
  turn_seconds: seconds("How long an empty request to this process waits for its answer.", []),
  shed_share: gauge("Share of requests refused as all wait too long for their turn.", ["size"]),
  commit_lag_seconds: gauge("Time that commits need for what waits, at their pace.", []),

  // Log.
  log_append_records_total: counter("Records appended.", ["topic"]),
  log_append_bytes_total: counter("Bytes appended.", ["topic"]),
  log_bytes: gauge("Bytes a topic holds on disk.", ["topic"]),
  log_flush_seconds: seconds("Duration of a group commit, fsync included.", []),

  // Shards.
  shard_lag: gauge("Records between the committed offset and the end.", shard),
  shard_next_offset: gauge("First offset that no commit holds.", shard),
  shard_end_offset: gauge("End of the shard's partition.", shard),
  shard_commit_seconds: seconds("Duration of a shard's commit.", stage),
  shard_commits_total: counter("Commits made.", stage),
  shard_commit_rows_total: counter("Journal rows and snapshot parts committed.", stage),
  shard_retakes_total: counter("Times a shard was taken again after an unknown outcome.", stage),
  shard_offset_missing_total: counter(
    "Shards that stand still, as the log has lost what they have not read.",
    stage,
  ),
  shard_taken_total: counter("Times a shard was taken: released by its last owner, or forced.", [
    "stage",
    "how",
  ]),
  shard_handoff_gap_seconds: seconds("From a shard's release to its next owner.", stage),
  shard_hash_verified_total: counter("Comparisons of a shard's hash with its rows.", [
    "stage",
    "result",
  ]),
  shard_fenced_total: counter("Commits refused as another owner had the shard.", stage),
  events_applied_total: counter("Messages that changed an actor.", stage),
  events_duplicate_total: counter("Messages dropped as counted before.", stage),
  outbox_pending: gauge("Committed outbox records not yet known to be published.", shard),
  timers_fired_total: counter("Durable timers that came due.", stage),
  merges_refused_total: counter("Links of user ids that were refused; each is in dlq.events.", [
    "reason",
  ]),
  dead_letters_total: counter("Events sent to dlq.events.", ["source", "code"]),

  // Actors.
  actors_live: gauge("Actors in memory.", shard),
  actors_halted: gauge("Actors that stand still until they are restarted.", shard),
  hot_actors: gauge("Actors that take much of their shard's events or processor time.", shard),
  actors_halted_total: counter("Times an actor was halted.", stage),
  snapshots_rebuilt_total: counter(
    "Actors rebuilt from the journal as their snapshot was no good.",
    ["stage", "reason"],
  ),
  actor_bytes: gauge("Estimated bytes of the actors in memory.", shard),
  actors_loaded_total: counter("Actors loaded from the store.", stage),
  actors_passivated_total: counter("Actors dropped from memory.", stage),

  // Cache, vectors, objects.
  resource_calls_total: counter("Calls to a resource, by what became of them.", [
    "resource",
    "call",
    "result",
  ]),
  resource_seconds: seconds("Duration of a resource's calls that were made.", ["resource", "call"]),
  resource_circuit_open: gauge("1 while calls to a resource are refused unmade, else 0.", [
    "resource",
  ]),
  resource_waiting: gauge("Writes that wait for a resource that is away.", ["resource"]),
  resource_lost_total: counter("Writes to a resource that were given up.", ["resource", "call"]),

  // The journal's retention.
  journal_days_dropped_total: counter("Old days of the journal that were dropped.", []),
  journal_days_held_back: gauge("Old days of the journal that an actor needs still.", []),

  // Cluster.
  cluster_nodes: gauge("Nodes whose lease runs, as this one sees it.", []),
  cluster_beats_total: counter("Renewals of this node's lease: renewed, unavailable, refused.", [
    "result",
  ]),
  cluster_moves_total: counter(
    "Shards that this node took, released for another, or lost to another.",
    ["stage", "how"],
  ),
  cluster_call_seconds: seconds("Questions to other nodes, from asked to answered.", ["result"]),
  cluster_misdirected_total: counter("Calls for shards that the node asked does not own.", []),

  // Store.
  store_pool_in_use: gauge("Connections to the store that run a statement.", ["pool", "worker"]),
  store_pool_waiting: gauge("Statements that wait for a connection to the store.", [
    "pool",
    "worker",
  ]),
  store_pool_wait_seconds: seconds("How long statements waited for a connection.", ["pool"]),
  store_statement_seconds: seconds("From a statement's connection at hand to its answer.", [
    "pool",
  ]),
  store_statement_failures_total: counter("Statements refused, or not answered in time.", ["pool"]),
  store_replica_fallbacks_total: counter(
    "Queries the primary answered as the replica did not.",
    [],
  ),
  rollup_rows_total: counter("Journal rows that the rollups have looked at.", []),
  rollup_failures_total: counter("Rounds of the rollups that failed; the next goes on.", []),

  // Operators.
  audit_dropped_total: counter("Admin calls that the audit trail in the store has lost.", []),

  // Supervision and process.
  restarts_total: counter("Restarts by supervisors.", ["child"]),
  part_ready: gauge("1 if the part is ready, else 0.", ["part"]),
  process_rss_bytes: gauge("Resident memory of the process.", []),
  process_heap_used_bytes: gauge("Used heap of the main isolate.", []),
  process_uptime_seconds: gauge("Since the process started.", []),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metricTable;

type NameOf<T extends Metric["type"]> = {
  [N in MetricName]: typeof metricTable[N]["type"] extends T ? N : never;
}[MetricName];
export type CounterName = NameOf<"counter">;
export type GaugeName = NameOf<"gauge">;
export type HistogramName = NameOf<"histogram">;

/** The labels metric `N` needs; `[]` when it has none. */
export type LabelsOf<N extends MetricName> = typeof metricTable[N]["labels"] extends readonly []
  ? []
  : [labels: Readonly<Record<typeof metricTable[N]["labels"][number], string | number>>];
