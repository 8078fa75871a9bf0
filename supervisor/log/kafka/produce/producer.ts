/**
 * Appends by idempotent requests, one under way to each leading broker: what comes meanwhile shares
 * the next one, so that requests grow with the load instead of queueing up.
 *
 * A batch whose answer is lost is repeated under the same producer id and sequence, and the broker
 * drops what it has. When that cannot be settled in time the caller learns that the outcome is
 * unknown, and a new producer id is taken before anything else is sent: to go on with the old one
 * would give a sequence out twice, and the broker would take new records for known ones and drop
 * them without a word.
 *
 * @module
 */
import { initProducerIdV4 } from "@platformatic/kafka";
import { Terminal, Unavailable } from "../../../../schema/errors.ts";
import { limits } from "../../../../schema/limits.ts";
import type { TopicName } from "../../../../schema/topics.ts";
import type { NewRecord } from "../../log.ts";
import { assertRecord } from "../../record_text.ts";
import { AppendCall } from "./append_call.ts";
import type { Cluster } from "../cluster.ts";
import { errorCode, isLeaderStale, isProducerLost, nameOfCode } from "../error_codes.ts";
import { type Link, messageOf } from "../link.ts";
import { type LaneBatch, PartitionLane } from "./partition_lane.ts";
import { parseProduceAnswer, produceRequest, produceV9 } from "./produce_request.ts";

export interface ProducerOptions {
  /** How long the first record of a request waits for others, milliseconds. */
  readonly lingerMs: number;
  /** How long a caller waits, milliseconds. */
  readonly appendTimeoutMs: number;
  /** How long a batch is repeated, milliseconds. */
  readonly requestTimeoutMs: number;
  /** Bytes of records not yet settled, beyond which `append` is refused. */
  readonly pendingBytesMax: number;
}

const expiryLookMs = 50;
const repeatPauseMs = 100;
/** Sequences are 31 bits; a new producer id is taken before they run out. */
const sequenceMax = 2 ** 31 - 1;

interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly sequences: Map<PartitionLane, number>;
}

export class Producer {
  readonly #lanes = new Map<string, PartitionLane>();
  readonly #calls = new Set<AppendCall>();
  readonly #busyNodes = new Set<number>();
  #identity: ProducerIdentity | undefined;
  #identifying: Promise<ProducerIdentity> | undefined;
  #pendingBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #expiry: ReturnType<typeof setInterval> | undefined;
  #isClosed = false;
  #isSettling = false;

  constructor(readonly cluster: Cluster, readonly options: ProducerOptions) {}

  /** Bytes of records that are not settled. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** @see {@link Log.append} */
  // deno-lint-ignore require-await -- a throw must reach the caller as a rejection
  async append(topic: TopicName, records: readonly NewRecord[]): Promise<void> {
    if (this.#isClosed) throw new Unavailable("log", "Cannot use the log as it was closed");
    const byPartition = new Map<number, NewRecord[]>();
    for (const record of records) {
      assertRecord(record);
      const some = byPartition.get(record.partition);
      if (some !== undefined) some.push(record);
      else {
        this.cluster.assertPartition(topic, record.partition);
        byPartition.set(record.partition, [record]);
      }
    }
    if (byPartition.size === 0) return;
    this.#assertRoom();
    const call = new AppendCall(performance.now() + this.options.appendTimeoutMs);
    for (const [partition, some] of byPartition) {
      this.#pendingBytes += this.#lane(topic, partition).push(call, some);
    }
    this.#calls.add(call);
    this.#expiry ??= setInterval(() => this.#expire(), expiryLookMs);
    this.#schedule(this.options.lingerMs);
    return call.promise.finally(() => this.#calls.delete(call));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const lane of this.#lanes.values()) lane.abandon("The log was closed");
    for (const call of this.#calls) call.expire("The log was closed");
    clearInterval(this.#expiry);
  }

  #assertRoom(): void {
    if (this.#pendingBytes > this.options.pendingBytesMax) {
      throw new Unavailable("log", "Too much waits to be appended");
    }
    // A short outage is waited through, a longer one is told at once.
    const { awayMs, fault } = this.cluster;
    if (awayMs > this.options.appendTimeoutMs) {
      throw new Unavailable("log", fault?.message ?? "Kafka is away");
    }
  }

  #lane(topic: TopicName, partition: number): PartitionLane {
    const name = `${topic}/${partition}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new PartitionLane(topic, partition, (bytes) => this.#pendingBytes -= bytes);
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #expire(): void {
    const now = performance.now();
    const { fault } = this.cluster;
    let isAnyOver = false;
    for (const call of this.#calls) {
      if (call.expiresAt > now) break;
      isAnyOver = true;
      const reason = fault === undefined ? "" : `: ${fault.message}`;
      call.expire(`Kafka did not take it in ${this.options.appendTimeoutMs} ms${reason}`);
    }
    if (isAnyOver) { for (const lane of this.#lanes.values()) lane.dropOver(); }
    if (this.#calls.size > 0 || this.#isClosed) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#run();
    }, delayMs);
  }

  /** Starts a request to each leader that has work and none under way. */
  #run(): void {
    const work = new Map<number, PartitionLane[]>();
    if (this.cluster.awayMs > 0) return void this.#settleCluster();
    let isLost = false;
    for (const lane of this.#lanes.values()) {
      if (!lane.hasWork) continue;
      const node = this.cluster.leaderOf(lane.topic, lane.partition);
      if (node === undefined) isLost = true;
      else if (work.has(node)) work.get(node)!.push(lane);
      else work.set(node, [lane]);
    }
    if (isLost) void this.#settleCluster();
    for (const [node, lanes] of work) {
      if (!this.#busyNodes.has(node)) void this.#send(node, lanes);
    }
  }

  /** Looks who leads what, again and again while something waits for it. */
  async #settleCluster(): Promise<void> {
    if (this.#isSettling) return;
    this.#isSettling = true;
    try {
      await this.cluster.refresh();
    } catch (error) {
      this.#refuseUnsent(messageOf(error), error instanceof Terminal);
    } finally {
      this.#isSettling = false;
    }
    // An outage is watched to its end, also when nobody asks: the next append must not be refused.
    const needed = [...this.#lanes.values()].some((lane) => lane.hasWork);
    if (needed || this.cluster.awayMs > 0) this.#schedule(repeatPauseMs);
  }

  /** What was never sent, and is no longer waited for, goes. */
  #refuseUnsent(why: string, all: boolean): void {
    for (const lane of this.#lanes.values()) {
      const { batch } = lane;
      if (all) lane.abandon(why);
      else if (batch !== undefined && performance.now() > batch.givesUpAt) {
        this.#giveUp(lane, batch, why);
      } else lane.dropOver();
    }
  }

  async #send(node: number, lanes: readonly PartitionLane[]): Promise<void> {
    this.#busyNodes.add(node);
    const sent: PartitionLane[] = [];
    try {
      // From here to the request nothing waits: what is numbered is sent.
      const link = this.cluster.link(node, "produce");
      const [identity] = await Promise.all([this.#identify(), link.ready()]);
      let bytes = 0;
      for (const lane of lanes) {
        if (bytes >= limits.logBatchBytesMax) break;
        const batch = lane.next(limits.kafkaBatchBytesMax);
        if (batch === undefined) continue;
        this.#number(lane, batch, identity);
        lane.isInFlight = true;
        bytes += batch.bytes;
        sent.push(lane);
      }
      if (sent.length > 0) await this.#request(link, sent);
    } catch (error) {
      this.#failed(sent, error);
    } finally {
      for (const lane of sent) lane.isInFlight = false;
      this.#busyNodes.delete(node);
      const more = [...this.#lanes.values()].filter((lane) => lane.hasWork);
      const isRepeat = sent.length === 0 || more.some((lane) => lane.batch !== undefined);
      if (more.length > 0) this.#schedule(isRepeat ? repeatPauseMs : 0);
    }
  }

  /** Gives a batch its place in the partition's sequence, once. */
  #number(lane: PartitionLane, batch: LaneBatch, identity: ProducerIdentity): void {
    if (batch.identity !== undefined) return;
    const firstSequence = identity.sequences.get(lane) ?? 0;
    const next = firstSequence + batch.records.length;
    identity.sequences.set(lane, next);
    if (next > sequenceMax - limits.kafkaBatchBytesMax) this.#identity = undefined;
    const { producerId, producerEpoch } = identity;
    batch.identity = { producerId, producerEpoch, firstSequence };
    batch.givesUpAt = performance.now() + this.options.requestTimeoutMs;
    for (const { call } of batch.parts) call.partSent();
  }

  async #request(link: Link, lanes: readonly PartitionLane[]): Promise<void> {
    const timeoutMs = Math.floor(this.options.requestTimeoutMs / 2);
    const create = () =>
      produceRequest(
        timeoutMs,
        lanes.map((lane) => ({
          topic: this.cluster.nameOf(lane.topic),
          partition: lane.partition,
          records: lane.encode(),
        })),
      );
    const answer = await link.request(produceV9, create, parseProduceAnswer);
    let isStale = false;
    for (const lane of lanes) {
      const name = this.cluster.nameOf(lane.topic);
      const code = answer.get(`${name}/${lane.partition}`) ?? errorCode.requestTimedOut;
      if (code === errorCode.none || code === errorCode.duplicateSequence) lane.settle("written");
      else if (this.#refused(lane, code)) isStale = true;
    }
    if (isStale) await this.cluster.refresh().catch(() => {});
  }

  /** @returns true when the leaders should be looked at again */
  #refused(lane: PartitionLane, code: number): boolean {
    const batch = lane.batch!;
    const why = `Kafka refuses ${lane.topic}/${lane.partition}: ${nameOfCode(code)}`;
    if (isProducerLost(code)) {
      this.#identity = undefined;
      if (batch.maybeWritten) lane.settle("unknown", why);
      else batch.identity = undefined;
      return false;
    }
    if (code === errorCode.messageTooLarge || code === errorCode.corruptMessage) {
      // The sequence was given out, and the broker has not seen it.
      this.#identity = undefined;
      lane.settle("not written", why);
      return false;
    }
    const appended = code === errorCode.requestTimedOut ||
      code === errorCode.notEnoughReplicasAfterAppend;
    if (appended) batch.maybeWritten = true;
    const retriable = appended || isLeaderStale(code) || code === errorCode.notEnoughReplicas;
    if (!retriable || performance.now() > batch.givesUpAt) this.#giveUp(lane, batch, why);
    return isLeaderStale(code);
  }

  #failed(lanes: readonly PartitionLane[], error: unknown): void {
    const isUnsent = error instanceof Unavailable || error instanceof Terminal;
    for (const lane of lanes) {
      const { batch } = lane;
      if (batch === undefined) continue;
      if (!isUnsent) batch.maybeWritten = true;
      if (performance.now() > batch.givesUpAt) this.#giveUp(lane, batch, messageOf(error));
    }
    void this.#settleCluster();
  }

  /** A batch is left; its sequence must not be given out again. */
  #giveUp(lane: PartitionLane, batch: LaneBatch, why: string): void {
    this.#identity = undefined;
    lane.settle(batch.maybeWritten ? "unknown" : "not written", why);
  }

  /** The producer id, taken anew after whatever makes its sequences doubtful. */
  #identify(): Promise<ProducerIdentity> {
    if (this.#identity !== undefined) return Promise.resolve(this.#identity);
    this.#identifying ??= this.cluster.any(async (link) => {
      const answer = await link.call((connection) =>
        initProducerIdV4.api.async(connection, null, limits.kafkaRequestTimeoutMs)
      );
      if (answer.errorCode !== errorCode.none) {
        const why = `Kafka gives no producer id: ${nameOfCode(answer.errorCode)}`;
        if (answer.errorCode === errorCode.clusterAuthorizationFailed) {
          throw new Terminal("log_access", why);
        }
        throw new Unavailable("log", why);
      }
      const { producerId, producerEpoch } = answer;
      return this.#identity = { producerId, producerEpoch, sequences: new Map() };
    }).finally(() => this.#identifying = undefined);
    return this.#identifying;
  }
}
