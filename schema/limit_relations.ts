/**
 * What limits must be to each other for the code that relies on them. A change that breaks one fails at
 * start and in the tests.
 *
 * @module
 */
import { DAY_MS, limits } from "./limits.ts";

type Limits = Readonly<Record<keyof typeof limits, number>>;

/** Bytes, milliseconds. */
const KIB = 1024;
const SECOND = 1000;

const relations: readonly [(l: Limits) => boolean, string][] = [
  [(l) => l.eventBytesMax <= l.requestBytesMax, "eventBytesMax <= requestBytesMax"],
  [(l) => l.requestBytesMax <= l.logBatchBytesMax, "requestBytesMax <= logBatchBytesMax"],
  [(l) => l.jsonDepthMax < l.requestJsonDepthMax, "jsonDepthMax < requestJsonDepthMax"],
  [
    (l) => l.requestBytesMax <= l.webSocketInFlightBytesMax,
    "requestBytesMax <= webSocketInFlightBytesMax",
  ],
  // Acks go on while states wait.
  [
    (l) => l.webSocketSendMarkBytes * 2 <= l.webSocketSendBytesMax,
    "webSocketSendMarkBytes * 2 <= webSocketSendBytesMax",
  ],
  // Whoever does not read, or is dead, is gone within 15 s.
  [
    (l) => l.webSocketStallMs + l.webSocketLingerMs + 4 * l.webSocketLookMs < 15 * SECOND,
    "webSocketStallMs + webSocketLingerMs + 4 * webSocketLookMs < 15 s",
  ],
  [(l) => l.webSocketIdleMs < 15 * SECOND, "webSocketIdleMs < 15 s"],
  [
    (l) => l.webSocketMessagesPerSecond <= l.webSocketMessageBurst,
    "webSocketMessagesPerSecond <= webSocketMessageBurst",
  ],
  [(l) => l.webSocketsPerKeyMax < l.webSocketsMax, "webSocketsPerKeyMax < webSocketsMax"],
  [(l) => l.requestBytesMax < l.bodyBytesInFlightMax, "requestBytesMax < bodyBytesInFlightMax"],
  [
    (l) => l.graphqlQueryCharsMax <= l.graphqlBodyBytesMax,
    "graphqlQueryCharsMax <= graphqlBodyBytesMax",
  ],
  [(l) => l.graphqlDepthMax < l.graphqlNestingMax, "graphqlDepthMax < graphqlNestingMax"],
  // A field's arguments open brackets, too.
  [
    (l) => l.graphqlIntrospectionDepthMax * 2 < l.graphqlNestingMax,
    "graphqlIntrospectionDepthMax * 2 < graphqlNestingMax",
  ],
  [
    (l) => l.graphqlAliasesMax <= l.graphqlSelectionsMax,
    "graphqlAliasesMax <= graphqlSelectionsMax",
  ],
  [
    (l) => l.graphqlRootFieldsMax <= l.graphqlSelectionsMax,
    "graphqlRootFieldsMax <= graphqlSelectionsMax",
  ],
  [
    (l) => l.graphqlVariablesCharsMax <= l.graphqlBodyBytesMax,
    "graphqlVariablesCharsMax <= graphqlBodyBytesMax",
  ],
  // The largest page, and the longest stretch of days, can be had with all their fields.
  [(l) => l.pageSizeMax * 25 <= l.graphqlCostMax, "pageSizeMax * 25 <= graphqlCostMax"],
  [(l) => l.gameDaysMax * 25 <= l.graphqlCostMax, "gameDaysMax * 25 <= graphqlCostMax"],
  // All pages of an operation have room together, and leave some to others.
  [
    (l) =>
      l.graphqlCostMax / l.graphqlPageCost *
          (l.pageBytesMax + l.eventBytesMax + l.pageSizeMax * l.eventFrameBytes) <=
        l.eventPagesBytesPerKeyMax,
    "graphqlCostMax / graphqlPageCost pages <= eventPagesBytesPerKeyMax",
  ],
  [
    (l) => l.eventPagesBytesPerKeyMax < l.eventPagesBytesMax,
    "eventPagesBytesPerKeyMax < eventPagesBytesMax",
  ],
  [
    (l) => l.graphqlTokensMax <= l.graphqlCachedTokensMax,
    "graphqlTokensMax <= graphqlCachedTokensMax",
  ],
  [(l) => l.askTimeoutMs * 2 < l.graphqlOperationMsMax, "askTimeoutMs * 2 < graphqlOperationMsMax"],
  [
    (l) => l.webSocketSubscriptionsMax <= l.graphqlSubscriptionsPerKeyMax,
    "webSocketSubscriptionsMax <= graphqlSubscriptionsPerKeyMax",
  ],
  [(l) => l.shedLagSecondsFrom < l.shedLagSecondsFull, "shedLagSecondsFrom < shedLagSecondsFull"],
  [(l) => l.lagEveryMs * 2 <= l.lagSpanMs, "lagEveryMs * 2 <= lagSpanMs"],
  [(l) => l.shedAcceptMs < l.acceptTimeoutMs, "shedAcceptMs < acceptTimeoutMs"],
  // Between the two nothing begins and nothing ends, so that it does not swing.
  [(l) => l.shedTurnTargetMs * 2 < l.shedTurnMs, "shedTurnTargetMs * 2 < shedTurnMs"],
  // A wait that is too long shows in each window that it lasts.
  [(l) => l.shedTurnMs < l.shedWindowMs, "shedTurnMs < shedWindowMs"],
  // One pause of the process, and what comes right after it, are the smaller part of the median's.
  [(l) => l.shedTurnWaits >= 5, "shedTurnWaits >= 5"],
  // One wait that is enough by itself is longer than what several windows are looked at for.
  [
    (l) => l.shedTurnMs * 3 < l.shedTurnMoments * l.shedTurnMomentMs,
    "shedTurnMs * 3 < shedTurnMoments * shedTurnMomentMs",
  ],
  [(l) => l.turnEveryMs * 3 <= l.shedWindowMs, "turnEveryMs * 3 <= shedWindowMs"],
  [(l) => l.shedSmallBytesMax < l.eventBytesMax, "shedSmallBytesMax < eventBytesMax"],
  // A bucket that can never hold a batch would refuse it for good.
  [(l) => l.requestEventsMax <= l.ratePerUser * 2, "requestEventsMax <= ratePerUser * 2"],
  // A revoked key is refused within a second.
  [(l) => l.keysEveryMs * 4 <= SECOND, "keysEveryMs * 4 <= 1 s"],
  [(l) => l.jwksAgeMsMax < l.jwksStaleMsMax, "jwksAgeMsMax < jwksStaleMsMax"],
  [(l) => l.keyOverlapMs <= l.keyOverlapMsMax, "keyOverlapMs <= keyOverlapMsMax"],
  [(l) => l.eventBytesMax <= l.fetchBytesMax, "eventBytesMax <= fetchBytesMax"],
  [(l) => l.logBatchBytesMax < l.logSegmentBytesMax, "logBatchBytesMax < logSegmentBytesMax"],
  [(l) => l.logBatchBytesMax <= l.appendQueueBytesMax, "logBatchBytesMax <= appendQueueBytesMax"],
  [(l) => l.kafkaBatchBytesMax <= l.logBatchBytesMax, "kafkaBatchBytesMax <= logBatchBytesMax"],
  [(l) => l.kafkaFetchWaitMs < l.kafkaRequestTimeoutMs, "kafkaFetchWaitMs < kafkaRequestTimeoutMs"],
  [(l) => l.commitDelayMsMin <= l.commitDelayMsMax, "commitDelayMsMin <= commitDelayMsMax"],
  [(l) => l.commitDelayMsMax < l.commitTimeoutMs, "commitDelayMsMax < commitTimeoutMs"],
  [
    (l) => l.storeAnswerMs + l.storeLockAnswerMs < l.commitTimeoutMs,
    "storeAnswerMs + storeLockAnswerMs < commitTimeoutMs",
  ],
  [(l) => l.storeClientCheckMs < l.commitTimeoutMs, "storeClientCheckMs < commitTimeoutMs"],
  [(l) => l.commitTimeoutMs < l.migrationTimeoutMs, "commitTimeoutMs < migrationTimeoutMs"],
  [(l) => l.fetchBytesMax <= l.commitBytesMax, "fetchBytesMax <= commitBytesMax"],
  [
    (l) =>
      l.deadLetterStateCharsMax + l.eventBytesMax + l.deadLetterPayloadBytesMax <
        l.logBatchBytesMax,
    "deadLetterStateCharsMax + eventBytesMax + deadLetterPayloadBytesMax < logBatchBytesMax",
  ],
  // A character is three bytes at most.
  [
    (l) => l.mergeCharsMax * 3 + l.eventBytesMax < l.logBatchBytesMax,
    "mergeCharsMax * 3 + eventBytesMax < logBatchBytesMax",
  ],
  [
    (l) => l.watchdogLookMs * 2 <= l.watchdogSilenceMsMax,
    "watchdogLookMs * 2 <= watchdogSilenceMsMax",
  ],
  // Two signs of life may be lost.
  [(l) => l.nodeBeatMs * 3 < l.nodeLeaseMs, "nodeBeatMs * 3 < nodeLeaseMs"],
  [(l) => l.nodeBeatTimeoutMs * 3 < l.nodeLeaseMs, "nodeBeatTimeoutMs * 3 < nodeLeaseMs"],
  [(l) => l.commitTimeoutMs < l.nodeLeaseMs, "commitTimeoutMs < nodeLeaseMs"],
  [(l) => l.moveWaitMsMax < l.askTimeoutMs, "moveWaitMsMax < askTimeoutMs"],
  [(l) => l.askTimeoutMs < l.clusterCallMsMax, "askTimeoutMs < clusterCallMsMax"],
  [(l) => l.snapshotRowsBehindMax < l.commitRowsMax, "snapshotRowsBehindMax < commitRowsMax"],
  [
    (l) => l.leaderboardEntriesMax < l.cachedBoardEntriesMax,
    "leaderboardEntriesMax < cachedBoardEntriesMax",
  ],
  [(l) => l.cacheCallMsMax < l.cacheProbeMs, "cacheCallMsMax < cacheProbeMs"],
  [(l) => l.retryDelayMsMin <= l.retryDelayMsMax, "retryDelayMsMin <= retryDelayMsMax"],
  // One uncommitted flush must never outgrow the ring that deduplicates it.
  [(l) => l.dedupeRingEntries * 8 <= 8 * KIB, "dedupeRingEntries * 8 bytes <= 8 KiB"],
  [(l) => l.hotActorLookMs <= l.hotActorMsMin, "hotActorLookMs <= hotActorMsMin"],
  [(l) => l.snapshotMsBehindMax <= DAY_MS, "snapshotMsBehindMax <= 1 day"],
];

/** Throws when two limits contradict each other. Called at start. */
export function assertLimits(l: Limits = limits): void {
  for (const [holds, relation] of relations) {
    if (holds(l)) continue;
    throw new RangeError(`Cannot start as limits contradict each other: ${relation}`);
  }
}
