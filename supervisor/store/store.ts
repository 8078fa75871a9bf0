/**
 * The store as a shard sees it: take the shard, load actors, commit a batch, read due timers.
 * Everything a batch changes moves in one `commit`, or not at all.
 *
 * @module
 */
import type { TopicName } from "../../schema/topics.ts";

/** The pipeline stages that own shards in the store. */
export type StageName = "player" | "game";

/** What an owner learns when it takes a shard. Its epoch fences every earlier owner. */
export interface ShardClaim {
  readonly epoch: number;
  /** The first offset that no commit holds yet. */
  readonly nextOffset: number;
  /** All outbox records with an end offset up to this have been published. */
  readonly emittedOffset: number;
  /** `stage/partition` of a source → the last of its records that was applied here. */
  readonly sources: Readonly<Record<string, SourcePosition>>;
  /** Committed, not yet known to be published; in order. */
  readonly outbox: readonly OutboxEntry[];
  /** When the last owner let go of it in order, milliseconds; `null` when it did not. */
  readonly releasedAt: number | null;
  /** Actors of the shard that stand still until an operator restarts them. */
  readonly halted: readonly HaltMark[];
  /** Actors of the shard watch others. */
  readonly hasWatches: boolean;
}

/** An actor that stands still. */
export interface HaltMark {
  readonly actorId: string;
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  /** Offset of the message that halted it; −1: it could not be loaded. */
  readonly offset: number;
  /** Arrival of its oldest journal row that no snapshot reflects, milliseconds; `null` for none. */
  readonly behindSince: number | null;
  /** Messages that were sent to `dlq.events` since, in its stead. */
  readonly letters: number;
}

/** One actor's watch over another. */
export interface Watch {
  /** Who watches. */
  readonly actorId: string;
  /** The stage and id of who is watched. */
  readonly kind: string;
  readonly watchedId: string;
}

/** Begins a watch at the message at `offset`, or ends it (`null`). */
export interface WatchChange extends Watch {
  readonly offset: number | null;
}

/** A watch whose watched actor stands still. */
export interface DownWatch extends Watch {
  /** Where it began. */
  readonly offset: number;
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}

/** The shard's hash as its owners have kept it, and as its rows sum up. Both unsigned, decimal. */
export interface ShardHash {
  readonly recorded: string;
  readonly summed: string;
}

/** A position in what a source shard published: the end offset of its commit and the index within. */
export type SourcePosition = readonly [endOffset: number, index: number];

/** Everything one commit publishes, in order; `endOffset` is the commit's `newOffset`. */
export interface OutboxEntry {
  readonly endOffset: number;
  readonly records: readonly OutboxRecord[];
}

export interface OutboxRecord {
  readonly topic: TopicName;
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  /** `traceparent` of the commit's span, when it is traced. */
  readonly trace?: string;
}

/** One part of an actor's snapshot. A player has one part, a game one for its totals and one a day. */
export interface SnapshotPart {
  readonly actorId: string;
  /** `""` is the main part. */
  readonly part: string;
  /** The offset of the last message that this part reflects. */
  readonly offset: number;
  /** The behaviour's version that wrote it. */
  readonly version: number;
  /** JSON text. */
  readonly body: string;
  /** `fingerprintHex(body)`. */
  readonly checksum: string;
  /** What it counts for in the shard's hash: signed 64 bits, decimal. */
  readonly hash: string;
}

/** A journal row: the record's own JSON text plus where and when it was appended. */
export interface JournalRow {
  readonly offset: number;
  /** Append time of the record, milliseconds. */
  readonly receivedAt: number;
  readonly actorId: string;
  /** `fingerprintBigint(actorId)`. */
  readonly actorKey: string;
  /** JSON text of a `PlayerEvent`. */
  readonly value: string;
}

/** Arms (`dueAt`) or cancels (`null`) the timer `name` of an actor. */
export interface TimerChange {
  readonly actorId: string;
  readonly name: string;
  /** Milliseconds since the Unix epoch, on the log's clock. */
  readonly dueAt: number | null;
}

export interface DueTimer {
  readonly actorId: string;
  readonly name: string;
  readonly dueAt: number;
}

/** Says who a user id is, or that it is a player of its own again (`null`): a row of `player_alias`. */
export interface AliasChange {
  readonly studio: string;
  readonly aliasId: string;
  readonly userId: string | null;
  /** Arrival of the message that made it so, milliseconds. */
  readonly at: number;
}

export interface CommitBatch {
  readonly stage: StageName;
  readonly partition: number;
  readonly epoch: number;
  readonly oldOffset: number;
  readonly newOffset: number;
  readonly rows: readonly JournalRow[];
  readonly snapshots: readonly SnapshotPart[];
  readonly outbox: readonly OutboxRecord[];
  readonly timers: readonly TimerChange[];
  /** Actors that were halted, or have more letters than before; `null`: released. @default none */
  readonly halts?: ReadonlyMap<string, HaltMark | null>;
  /** @default none */
  readonly watches?: readonly WatchChange[];
  /** In order; of several of one id the last counts. @default none */
  readonly aliases?: readonly AliasChange[];
  /** Codes of what actors refused; told in the outbox, and not kept by the store. @default none */
  readonly refusals?: readonly string[];
  /** Changed source positions only. */
  readonly sources: Readonly<Record<string, SourcePosition>>;
  /** Outbox entries up to this end offset were published; they are deleted. */
  readonly emittedOffset: number;
  /**
   * Every journal row received before this time (milliseconds) is reflected in its actor's snapshot,
   * so that loading an actor looks at no older rows. Remembered with the shard; left out: unchanged.
   */
  readonly cleanAt?: number;
  /** What the snapshots add to the shard's hash, less what those they replace did; decimal. */
  readonly hashChange: string;
  /** `traceparent` of the commit's span, when it is traced; the store does not keep it. */
  readonly trace?: string;
  /** The owner's last commit: it lets go of the shard. @default false */
  readonly release?: boolean;
}

/** What the store knows of an actor: its snapshot parts, and the journal after the main part's offset. */
export interface StoredActor {
  readonly actorId: string;
  readonly parts: readonly SnapshotPart[];
  /** Journal rows after the snapshot, in offset order; always empty for snapshot-durable actors. */
  readonly journal: readonly StoredEvent[];
  /** Loaded from the start, but days of the shard's journal were dropped: its first rows may be among them. */
  readonly isTruncated?: boolean;
}

export interface StoredEvent {
  readonly offset: number;
  readonly receivedAt: number;
  /** JSON text of a `PlayerEvent`. */
  readonly value: string;
}

/** How far back an actor is wanted. With none of them, its newest committed state. */
export interface AsOf {
  /** Include messages up to and including this offset. */
  readonly offset?: number;
  /** Include messages received up to and including this time, milliseconds. */
  readonly receivedAt?: number;
  /** Without its snapshots, by its whole journal: for an actor whose snapshot is no good. @default false */
  readonly fromStart?: boolean;
  /** Only the first so many journal rows of each actor. @default all */
  readonly rowsMax?: number;
}

export interface Store {
  /**
   * Takes the shard: waits for a commit in flight, raises the epoch, returns where to go on.
   *
   * @param owner unique to one life of one owner
   * @param heldEpoch takes it only if it has this epoch still, or `owner` itself has taken it since:
   *   an owner that lost a commit's outcome must not fence a successor
   * @param lease the life of the owner's node, among several nodes: takes it only while that life's
   *   lease runs, and only from nobody whose own does. Left out: takes it from anybody
   * @throws {Fenced} another owner has taken it since `heldEpoch`, or the leases do not allow it
   */
  takeShard(
    stage: StageName,
    partition: number,
    owner: string,
    heldEpoch?: number,
    lease?: string,
  ): Promise<ShardClaim>;

  /**
   * The stored actors among `actorIds`; those the store has never seen are left out.
   *
   * @throws {Unavailable}
   */
  load(
    stage: StageName,
    partition: number,
    actorIds: readonly string[],
    asOf?: AsOf,
  ): Promise<StoredActor[]>;

  /**
   * Commits a batch atomically.
   *
   * @throws {Fenced} the shard has another epoch or offset: drop everything, stop
   * @throws {OutcomeUnknown} it may have been committed: retake the shard
   * @throws {Unavailable} it was not committed: try again
   */
  commit(batch: CommitBatch): Promise<void>;

  /** Ids of actors with journal rows that no snapshot reflects yet; always empty for snapshot-durable stages. */
  behind(stage: StageName, partition: number): Promise<string[]>;

  /** Ids of actors with a snapshot, ascending, the first `limit` of them above `after`. */
  snapshotted(
    stage: StageName,
    partition: number,
    after: string,
    limit: number,
  ): Promise<string[]>;

  /** The shard's hash, both sides as of one moment. */
  shardHash(stage: StageName, partition: number): Promise<ShardHash>;

  /** Takes the sum over the rows for the truth, once a difference was reported. */
  resetShardHash(stage: StageName, partition: number): Promise<void>;

  /** Timers of the shard with `dueAt <= now`, oldest first. */
  dueTimers(
    stage: StageName,
    partition: number,
    now: number,
    limit: number,
  ): Promise<DueTimer[]>;

  /** Watches of the shard's actors over others that stand still. */
  downWatches(stage: StageName, partition: number, limit: number): Promise<DownWatch[]>;

  /** Ends watches that began where these did; they have been told of. */
  endWatches(stage: StageName, partition: number, watches: readonly DownWatch[]): Promise<void>;

  close(): Promise<void>;
}
