/**
 * Every limit of the platform, in one place. Units stand last in the name; the relations that
 * the code relies on are in `limit_relations.ts`.
 *
 * @module
 */

/** Kibibyte, mebibyte in bytes; second, minute, day in milliseconds. */
const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
export const DAY_MS: number = 24 * 60 * MINUTE;

export const limits = {
  // What a client may send.
  eventBytesMax: 64 * KIB,
  requestBytesMax: MIB,
  requestEventsMax: 1000,
  /** Each chunk costs the gateway microseconds, however small it is. */
  requestChunksMax: 2048,
  jsonDepthMax: 16,
  /** Deeper than this a body is not parsed at all; between the two only its event is rejected. */
  requestJsonDepthMax: 1024,
  propertiesMax: 100,
  eventIdCharsMax: 128,
  idCharsMax: 128,
  eventPastMsMax: 30 * DAY_MS,
  eventFutureMsMax: DAY_MS,
  deadLetterPayloadBytesMax: 4 * KIB,
  /** The state in a poison bundle; a larger one is left out. */
  deadLetterStateCharsMax: 256 * KIB,

  // What the gateway holds.
  acceptTimeoutMs: 2 * SECOND,
  appendQueueBytesMax: 64 * MIB,
  webSocketSendBytesMax: MIB,
  webSocketAuthMs: 3 * SECOND,
  /** What the kernel holds for a client that does not read; it may take twice as much. */
  sendBufferBytesMax: 128 * KIB,
  /** What waits for the reader before newer states replace older ones instead of queueing. */
  webSocketSendMarkBytes: 64 * KIB,
  /** Who takes nothing for so long does not read; who was told to close has so long to do it. */
  webSocketStallMs: 6 * SECOND,
  webSocketLingerMs: 2 * SECOND,
  /** How often sockets are looked at that are being written to or closed. */
  webSocketLookMs: SECOND,
  /** A peer that has been silent for half of it is asked for a sign of life, which has the other half. */
  webSocketIdleMs: 10 * SECOND,
  /** A message before auth is a token and its braces. */
  webSocketAuthBytesMax: 16 * KIB,
  /** Messages of a connection; the burst is what may come at once. */
  webSocketMessagesPerSecond: 1000,
  webSocketMessageBurst: 2000,
  webSocketInFlightMax: 64,
  webSocketInFlightBytesMax: 4 * MIB,
  webSocketSubscriptionsMax: 100,
  /** Bodies that are being received or decoded, all together. */
  bodyBytesInFlightMax: 64 * MIB,
  subscriptionQueueMax: 1000,
  /** Text of the events that wait for one subscriber, and for all of them together. */
  subscriptionQueueCharsMax: 4 * MIB,
  subscriptionQueuesCharsMax: 64 * MIB,
  /** How far back a stream of events begins anew, and with how many pages at most; from so much earlier on, … */
  resumeMsMax: 10 * MINUTE,
  resumePagesMax: 10,
  /** … as shards commit at different times; and how long a watch has to reach them all. */
  resumeSlackMs: 10 * SECOND,
  resumeSettleMs: 300,
  pageSizeMax: 1000,
  /** Properties and contexts of a page of events; one whose events are large has fewer of them. */
  pageBytesMax: 4 * MIB,
  /** Pages of events that are being read, told or put together, all of them and those of one key or user, … */
  eventPagesBytesMax: 192 * MIB,
  eventPagesBytesPerKeyMax: 128 * MIB,
  /** … in which an event is its text and so much beside; how long a read waits for room; … */
  eventFrameBytes: 512,
  eventPagesWaitMs: SECOND,
  /** … and how long a stream that resumes may hold one. */
  eventPagesHoldMs: 30 * SECOND,
  adminPageSizeMax: 100,
  gameDaysMax: 400,

  // Keys and tokens.
  apiKeysMax: 20_000,
  /** How often a node looks for keys that were made or revoked; how long such a look may take. */
  keysEveryMs: 250,
  keysCallMsMax: 5 * SECOND,
  /** How long the last known keys are good while the store is away. */
  keysStaleMsMax: DAY_MS,
  /** The secret before a rotation is good for so long, unless the call says otherwise, and at most. */
  keyOverlapMs: DAY_MS,
  keyOverlapMsMax: 30 * DAY_MS,
  gamesPerKeyMax: 100,
  /** The issuer's keys: how often they are looked up at most, when anew, for how long they do. */
  jwksEveryMsMin: 5 * SECOND,
  jwksAgeMsMax: 5 * MINUTE,
  jwksStaleMsMax: DAY_MS,
  jwksCallMsMax: 3 * SECOND,
  jwksBytesMax: 256 * KIB,
  /** By how much clocks may differ; how long a verified token is remembered, and how many are. */
  tokenClockMsMax: 5 * SECOND,
  tokenKeptMs: MINUTE,
  tokensKeptMax: 20_000,
  keyNameCharsMax: 100,
  /** How often those are looked at whose connections stay open. */
  standingLookMs: SECOND / 2,

  // How much and how fast: a token an event, and so many for a read at least. A second's tokens; a
  // bucket holds twice as many. `RATE_KEY`, `RATE_USER`, `RATE_ADDRESS`, `RATE_GLOBAL` set others.
  ratePerKey: 100_000,
  /** Of a token's user. */
  ratePerUser: 500,
  /** In requests, as what they hold is known later; many players may share an address. */
  ratePerAddress: 50_000,
  rateGlobal: 200_000,
  rateReadCost: 10,
  /** … or, if that is more, one for so much of its `graphqlCostMax`. */
  rateCostPerToken: 10,
  /** WebSockets of a node: of all, of one key, of a token's user, of an address. */
  webSocketsMax: 50_000,
  webSocketsPerKeyMax: 25_000,
  webSocketsPerUserMax: 50,
  webSocketsPerAddressMax: 2000,

  // How HTTP is spoken.
  /** A smaller body is sent as it is: packing would save nothing that a packet shows. */
  packBytesMin: KIB,
  /** From so long on an answer is slow enough for the access log … */
  accessSlowMs: SECOND,
  /** … which writes so many lines a second of what went wrong or was slow. */
  accessLinesPerSecondMax: 50,
  /** Origins that a key may be held to. */
  originsPerKeyMax: 50,
  /** How long browsers may remember what a preflight said; none does for longer than two hours. */
  preflightSeconds: 7200,
  /** How long caches may keep the API's description. */
  descriptionSeconds: 300,

  // Load shedding: from so many seconds of events that wait for their commit on, all the way at …
  shedLagSecondsFrom: 20,
  shedLagSecondsFull: 60,
  /** … and so many measurements running: after an outage the pace must show first; … */
  shedLagReadings: 10,
  /** … from so full a log on, … */
  shedLogPercentFrom: 80,
  /** … or when accepting takes so long, with so many requests under way, so many windows running. */
  shedAcceptMs: 150,
  shedUnderWayMin: 64,
  shedWindows: 3,
  shedWindowMs: 100,
  /** … or when empty requests wait so long for their turn, by the median of so many, so many … */
  shedTurnMs: 40,
  shedTurnWaits: 5,
  /** … windows running with so many … */
  shedTurnWindows: 3,
  shedTurnRequestsMin: 4,
  /** … requests each, once so many have been served: code that has hardly run is slow by itself. */
  shedTurnWarmRequests: 2000,
  /** … or when one waits still after so many moments, so far apart, at which others were served. */
  shedTurnMoments: 8,
  shedTurnMomentMs: 20,
  /** Then requests are refused until it waits so long only; larger ones than that first. */
  shedTurnTargetMs: 10,
  shedSmallBytesMax: 4 * KIB,
  /** How long the empty request pauses. */
  turnEveryMs: 20,
  /** So much always gets through, to see whether it goes better. */
  shedAdmittedPercentMin: 2,
  lagEveryMs: 500,
  /** The pace of commits is that of so long: they come in lumps. */
  lagSpanMs: 5 * SECOND,

  // What a GraphQL request may ask.
  graphqlBodyBytesMax: 64 * KIB,
  graphqlQueryCharsMax: 16 * KIB,
  graphqlTokensMax: 2000,
  /** Brackets of any kind that are open at once: the parser recurses by them. */
  graphqlNestingMax: 60,
  graphqlDirectivesMax: 50,
  graphqlFragmentsMax: 50,
  /** Operations of one document, of which a request runs one. */
  graphqlOperationsMax: 10,
  graphqlDepthMax: 12,
  /** Introspection nests `ofType`; graphql-js bounds its lists by a rule of its own. */
  graphqlIntrospectionDepthMax: 20,
  graphqlAliasesMax: 50,
  graphqlRootFieldsMax: 50,
  /** Selections with all spreads expanded: nested fragments double them at each level. */
  graphqlSelectionsMax: 2000,
  /** Pairs of fields with one response path: validation compares each with each. */
  graphqlOverlapsMax: 2000,
  /** Of an operation with its variables: about one for each value in the answer, more for what asks. */
  graphqlCostMax: 50_000,
  /** A page of events is a query of the store. */
  graphqlPageCost: 2000,
  /** Variables: characters of names and values, values of all levels; levels are `jsonDepthMax`. */
  graphqlVariablesCharsMax: 16 * KIB,
  graphqlVariablesMax: 1000,
  /** Faults of one document that are told. */
  graphqlErrorsMax: 20,
  /** Checked documents that are kept, and the tokens of all of them: a token costs half a kilobyte. */
  graphqlCachedDocumentsMax: 1000,
  graphqlCachedTokensMax: 50_000,
  graphqlPersistedBytesMax: 4 * MIB,
  /** How long a query may take; it asks two actors one after the other at most. */
  graphqlOperationMsMax: 12 * SECOND,
  /** Queries under way at once, and live subscriptions, of one key or token's user on a node. */
  graphqlQueriesPerKeyMax: 256,
  graphqlSubscriptionsPerKeyMax: 10_000,
  gameUpdatedMsMin: 100,
  gameUpdatedMsMax: 60 * SECOND,

  // The log.
  logBatchBytesMax: 4 * MIB,
  logSegmentBytesMax: 256 * MIB,
  fetchBytesMax: MIB,
  logBytesMaxPerTopic: 16 * 1024 * MIB,

  // The log on Kafka.
  /** Text of the records in one batch of a partition; a single larger append goes alone. */
  kafkaBatchBytesMax: MIB,
  /** The first append of a request waits so long for others. */
  kafkaLingerMs: 2,
  kafkaRequestTimeoutMs: 5 * SECOND,
  /** Compressed bytes that one fetch takes of a partition, and of all. */
  kafkaFetchPartitionBytesMax: 256 * KIB,
  kafkaFetchBytesMax: 2 * MIB,
  /** A fetch waits so long at the end while every known reader waits with it. */
  kafkaFetchWaitMs: 200,
  kafkaTrimEveryMs: MINUTE,

  // A shard.
  commitDelayMsMax: 100,
  commitDelayMsMin: 100,
  /** A fetch of fewer records is followed by a pause. */
  fetchRecordsLow: 500,
  fetchPauseMs: 25,
  commitRowsMax: 2000,
  /** The shards of a thread work for so long in one turn of its event loop; then questions have theirs. */
  shardTurnMsMax: 10,
  /** Text of the records in one commit; one fetch may go beyond. */
  commitBytesMax: 4 * MIB,
  /** Traces that get spans of their own in one commit; those beyond end at the log. */
  tracesPerCommitMax: 32,
  commitTimeoutMs: 5 * SECOND,
  /** So long before our own deadline the store gives a statement up: its answer beats our guess. */
  storeAnswerMs: 500,
  /** So long before that it gives up waiting for a lock, and says so. */
  storeLockAnswerMs: 250,
  /** How often the store looks whether the client of a running statement is still there. */
  storeClientCheckMs: SECOND,
  /** How long a read replica that failed is left alone. */
  replicaRetryMs: 10 * SECOND,
  /** Rows of a shard that the rollups count in one transaction; how often they look; their deadline. */
  rollupRowsMax: 20_000,
  rollupEveryMs: 10 * SECOND,
  rollupTimeoutMs: MINUTE,
  /** A migration, or the wait for another node's. */
  migrationTimeoutMs: 10 * MINUTE,
  /** How long a shard that stops goes on writing snapshots of its actors. */
  releaseSnapshotMsMax: 2 * SECOND,
  retryDelayMsMin: 50,
  retryDelayMsMax: 2 * SECOND,
  gameCommitIntervalMs: SECOND,
  timerPollMs: 500,
  timersPerPollMax: 500,
  askTimeoutMs: 5 * SECOND,
  /** Of live actors. The heap is collected when it is three times what is in use: see task `start`. */
  actorBytesMaxPerWorker: 224 * MIB,
  /** A worker that is silent for so long is frozen; how often it is looked after. */
  watchdogSilenceMsMax: 5 * SECOND,
  watchdogLookMs: 500,

  // A cluster. A node that is not heard of for the lease's time loses its shards.
  nodeBeatMs: SECOND,
  /** While it waits for shards. */
  nodeBeatEagerMs: 100,
  nodeBeatTimeoutMs: 2 * SECOND,
  nodeLeaseMs: 8 * SECOND,
  /** How long a question waits for a shard that is moving. */
  moveWaitMsMax: 4 * SECOND,
  /** How long a node that leaves waits for others to take its shards. */
  leaveMsMax: 15 * SECOND,
  /** Calls of operators to another node: a replay may take its time. */
  clusterCallMsMax: MINUTE,
  clusterMessageBytesMax: 16 * MIB,

  // What nodes share: cache, vectors, objects.
  /** How long a call to the cache may take; then it is away, and the caller goes on without it. */
  cacheCallMsMax: 40,
  /** How often a cache that is away is looked for. */
  cacheProbeMs: 250,
  cacheCharsMax: 32 * MIB,
  rateLimitKeysMax: 100_000,
  cachedBoardEntriesMax: 100_000,
  /** Best scores that wait for a cache that is away. */
  scoresWaitingMax: 100_000,
  fanOutTextCharsMax: 8 * KIB,
  fanOutQueueMax: 1000,
  vectorPointsMax: 50_000,
  /** Points that wait for a vector store that is away. */
  vectorsWaitingMax: 10_000,
  vectorCallMsMax: SECOND,
  objectBytesMax: 64 * MIB,
  objectCallMsMax: 30 * SECOND,

  // An actor.
  /** Messages whose effects operators are shown; longer journals are not run for it. */
  recentEffectsMax: 20,
  recentEffectsRowsMax: 2000,
  /** An actor is hot that takes such a share of its shard's events or processor time … */
  hotActorSharePercentMin: 25,
  /** … and of so many events a second, or of so much of a core, at least. */
  hotActorEventsPerSecondMin: 50,
  hotActorCorePercentMin: 2,
  /** Figures of a shorter time say nothing; how often they are looked at; how often one is told of. */
  hotActorMsMin: 30 * SECOND,
  hotActorLookMs: 10 * SECOND,
  hotActorWarnMs: 5 * MINUTE,
  dedupeRingEntries: 1024,
  snapshotRowsBehindMax: 1000,
  snapshotMsBehindMax: DAY_MS,
  sessionSilenceMs: 30 * MINUTE,
  sessionsRememberedMax: 64,
  gamesPerPlayerMax: 256,
  /** User ids that are one player, beside his own; those that come with an alias count, too. */
  aliasesPerPlayerMax: 16,
  /** Merges that wait for a player who is himself in the middle of one. */
  mergesWaitingMax: 16,
  /** Text of what one merge or its undoing hands over: a record of the log. Larger ones are refused. */
  mergeCharsMax: 256 * KIB,
  /** How long, and how many, events of an id wait for older ones on their way back from an undone merge. */
  forwardHeldMsMax: MINUTE,
  forwardsHeldMax: 128,
  eventTypesPerActorMax: 256,
  currenciesPerActorMax: 64,
  leaderboardEntriesMax: 1000,
  leaderboardsPerGameMax: 32,
} as const;
