/**
 * The error codes of Kafka's protocol that the log goes by.
 *
 * @see {@link https://kafka.apache.org/protocol.html#protocol_error_codes}
 * @module
 */
export const errorCode = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  topicAuthorizationFailed: 29,
  clusterAuthorizationFailed: 31,
  topicAlreadyExists: 36,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  storageError: 56,
  unknownProducerId: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  producerFenced: 90,
} as const;

const staleLeader: ReadonlySet<number> = new Set([
  errorCode.unknownTopicOrPartition,
  errorCode.leaderNotAvailable,
  errorCode.notLeader,
  errorCode.storageError,
  errorCode.fencedLeaderEpoch,
  errorCode.unknownLeaderEpoch,
]);

/** True when another broker leads the partition now, or none does for a moment; nothing was done. */
export function isLeaderStale(code: number): boolean {
  return staleLeader.has(code);
}

const lostProducer: ReadonlySet<number> = new Set([
  errorCode.outOfOrderSequence,
  errorCode.invalidProducerEpoch,
  errorCode.unknownProducerId,
  errorCode.producerFenced,
]);

/** True when the broker does not go along with the producer's sequence; nothing was written. */
export function isProducerLost(code: number): boolean {
  return lostProducer.has(code);
}

const names = new Map<number, string>(
  Object.entries(errorCode).map(([name, code]) => [code, name]),
);

/** A code for people. */
export function nameOfCode(code: number): string {
  return `${names.get(code) ?? "error"} (${code})`;
}
