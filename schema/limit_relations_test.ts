import assert from "node:assert/strict";
import { assertLimits } from "./limit_relations.ts";
import { limits } from "./limits.ts";

Deno.test("assertLimits() passes the limits as they stand", () => assertLimits());

/** For each relation a change that breaks it, and no other relation that comes before. */
const broken: Record<string, Partial<Record<keyof typeof limits, number>>> = {
  "mergeCharsMax * 3 + eventBytesMax < logBatchBytesMax": {
    mergeCharsMax: limits.logBatchBytesMax / 3,
  },
  "eventBytesMax <= requestBytesMax": { eventBytesMax: limits.requestBytesMax + 1 },
  "requestBytesMax <= logBatchBytesMax": { requestBytesMax: limits.logBatchBytesMax + 1 },
  "jsonDepthMax < requestJsonDepthMax": { requestJsonDepthMax: limits.jsonDepthMax },
  "requestBytesMax <= webSocketInFlightBytesMax": {
    webSocketInFlightBytesMax: limits.requestBytesMax - 1,
  },
  "webSocketSendMarkBytes * 2 <= webSocketSendBytesMax": {
    webSocketSendMarkBytes: limits.webSocketSendBytesMax,
  },
  "webSocketStallMs + webSocketLingerMs + 4 * webSocketLookMs < 15 s": { webSocketStallMs: 9_000 },
  "webSocketIdleMs < 15 s": { webSocketIdleMs: 15_000 },
  "webSocketMessagesPerSecond <= webSocketMessageBurst": {
    webSocketMessageBurst: limits.webSocketMessagesPerSecond - 1,
  },
  "webSocketsPerKeyMax < webSocketsMax": { webSocketsPerKeyMax: limits.webSocketsMax },
  "requestBytesMax < bodyBytesInFlightMax": { bodyBytesInFlightMax: limits.requestBytesMax },
  "graphqlQueryCharsMax <= graphqlBodyBytesMax": {
    graphqlBodyBytesMax: limits.graphqlQueryCharsMax - 1,
  },
  "graphqlDepthMax < graphqlNestingMax": { graphqlNestingMax: limits.graphqlDepthMax },
  "graphqlIntrospectionDepthMax * 2 < graphqlNestingMax": {
    graphqlNestingMax: limits.graphqlIntrospectionDepthMax * 2,
  },
  "graphqlAliasesMax <= graphqlSelectionsMax": {
    graphqlAliasesMax: limits.graphqlSelectionsMax + 1,
  },
  "graphqlRootFieldsMax <= graphqlSelectionsMax": {
    graphqlRootFieldsMax: limits.graphqlSelectionsMax + 1,
  },
  "graphqlVariablesCharsMax <= graphqlBodyBytesMax": {
    graphqlVariablesCharsMax: limits.graphqlBodyBytesMax + 1,
  },
  "pageSizeMax * 25 <= graphqlCostMax": { graphqlCostMax: limits.pageSizeMax * 25 - 1 },
  "graphqlCostMax / graphqlPageCost pages <= eventPagesBytesPerKeyMax": {
    graphqlPageCost: limits.graphqlPageCost / 2,
  },
  "eventPagesBytesPerKeyMax < eventPagesBytesMax": {
    eventPagesBytesMax: limits.eventPagesBytesPerKeyMax,
  },
  "gameDaysMax * 25 <= graphqlCostMax": { gameDaysMax: limits.graphqlCostMax / 25 + 1 },
  "graphqlTokensMax <= graphqlCachedTokensMax": {
    graphqlCachedTokensMax: limits.graphqlTokensMax - 1,
  },
  "askTimeoutMs * 2 < graphqlOperationMsMax": { graphqlOperationMsMax: limits.askTimeoutMs * 2 },
  "webSocketSubscriptionsMax <= graphqlSubscriptionsPerKeyMax": {
    graphqlSubscriptionsPerKeyMax: limits.webSocketSubscriptionsMax - 1,
  },
  "eventBytesMax <= fetchBytesMax": { fetchBytesMax: limits.eventBytesMax - 1 },
  "logBatchBytesMax < logSegmentBytesMax": { logSegmentBytesMax: limits.logBatchBytesMax },
  "logBatchBytesMax <= appendQueueBytesMax": { appendQueueBytesMax: limits.logBatchBytesMax - 1 },
  "kafkaBatchBytesMax <= logBatchBytesMax": { kafkaBatchBytesMax: limits.logBatchBytesMax + 1 },
  "kafkaFetchWaitMs < kafkaRequestTimeoutMs": { kafkaFetchWaitMs: limits.kafkaRequestTimeoutMs },
  "commitDelayMsMin <= commitDelayMsMax": { commitDelayMsMin: limits.commitDelayMsMax + 1 },
  "commitDelayMsMax < commitTimeoutMs": { commitTimeoutMs: limits.commitDelayMsMax },
  "storeAnswerMs + storeLockAnswerMs < commitTimeoutMs": { storeAnswerMs: limits.commitTimeoutMs },
  "storeClientCheckMs < commitTimeoutMs": { storeClientCheckMs: limits.commitTimeoutMs },
  "commitTimeoutMs < migrationTimeoutMs": { migrationTimeoutMs: limits.commitTimeoutMs },
  "fetchBytesMax <= commitBytesMax": { commitBytesMax: limits.fetchBytesMax - 1 },
  "deadLetterStateCharsMax + eventBytesMax + deadLetterPayloadBytesMax < logBatchBytesMax": {
    deadLetterStateCharsMax: limits.logBatchBytesMax,
  },
  "nodeBeatMs * 3 < nodeLeaseMs": { nodeBeatMs: limits.nodeLeaseMs / 3 },
  "nodeBeatTimeoutMs * 3 < nodeLeaseMs": { nodeBeatTimeoutMs: limits.nodeLeaseMs / 3 },
  "commitTimeoutMs < nodeLeaseMs": { commitTimeoutMs: limits.nodeLeaseMs },
  "moveWaitMsMax < askTimeoutMs": { moveWaitMsMax: limits.askTimeoutMs },
  "askTimeoutMs < clusterCallMsMax": { clusterCallMsMax: limits.askTimeoutMs },
  "snapshotRowsBehindMax < commitRowsMax": { snapshotRowsBehindMax: limits.commitRowsMax },
  "watchdogLookMs * 2 <= watchdogSilenceMsMax": { watchdogLookMs: 3_000 },
  "retryDelayMsMin <= retryDelayMsMax": { retryDelayMsMin: limits.retryDelayMsMax + 1 },
  "dedupeRingEntries * 8 bytes <= 8 KiB": { dedupeRingEntries: 1025 },
  "hotActorLookMs <= hotActorMsMin": { hotActorLookMs: limits.hotActorMsMin + 1 },
  "snapshotMsBehindMax <= 1 day": { snapshotMsBehindMax: limits.snapshotMsBehindMax + 1 },
  "leaderboardEntriesMax < cachedBoardEntriesMax": { cachedBoardEntriesMax: 1000 },
  "cacheCallMsMax < cacheProbeMs": { cacheProbeMs: 40 },
  "shedLagSecondsFrom < shedLagSecondsFull": { shedLagSecondsFrom: limits.shedLagSecondsFull },
  "shedAcceptMs < acceptTimeoutMs": { shedAcceptMs: limits.acceptTimeoutMs },
  "shedTurnTargetMs * 2 < shedTurnMs": { shedTurnTargetMs: limits.shedTurnMs / 2 },
  "lagEveryMs * 2 <= lagSpanMs": { lagSpanMs: limits.lagEveryMs },
  "shedTurnWaits >= 5": { shedTurnWaits: 4 },
  "shedTurnMs < shedWindowMs": { shedTurnMs: limits.shedWindowMs },
  "shedTurnMs * 3 < shedTurnMoments * shedTurnMomentMs": { shedTurnMoments: 6 },
  "turnEveryMs * 3 <= shedWindowMs": { turnEveryMs: limits.shedWindowMs / 3 + 1 },
  "shedSmallBytesMax < eventBytesMax": { shedSmallBytesMax: limits.eventBytesMax },
  "requestEventsMax <= ratePerUser * 2": { ratePerUser: limits.requestEventsMax / 2 - 1 },
  "keysEveryMs * 4 <= 1 s": { keysEveryMs: 251 },
  "keyOverlapMs <= keyOverlapMsMax": { keyOverlapMs: limits.keyOverlapMsMax + 1 },
  "jwksAgeMsMax < jwksStaleMsMax": { jwksAgeMsMax: limits.jwksStaleMsMax },
};

for (const [relation, change] of Object.entries(broken)) {
  Deno.test(`assertLimits() throws unless ${relation}`, () => {
    assert.throws(() => assertLimits({ ...limits, ...change }), {
      name: "RangeError",
      message: `Cannot start as limits contradict each other: ${relation}`,
    });
  });
}

Deno.test("assertLimits() asserts no relation that is not tried here", async () => {
  const source = await Deno.readTextFile(new URL("limit_relations.ts", import.meta.url));
  const asserted = source.slice(source.indexOf("const relations")).match(/"[^"]*[<>]=?[^"]*"/g);
  assert.deepEqual(asserted?.map((text) => text.slice(1, -1)).sort(), Object.keys(broken).sort());
});
