/**
 * The limits of the port itself, beside those of `schema/limits.ts`: what the guard before the
 * gateway lets through, and how long clients may take. `deploy/edge/haproxy.cfg` says the same.
 *
 * @module
 */
import { limits } from "../limits.ts";

const KIB = 1024;
const SECOND = 1000;

export const edgeLimits = {
  headBytesMax: 32 * KIB,
  headersMax: 100,
  /** Of a line that tells a chunk's size, its extension included. */
  chunkLineBytesMax: KIB,
  /** Of the headers after a chunked body. */
  trailerBytesMax: 4 * KIB,
  /** A head must be there after so long, a connection's first one from its beginning. */
  headMs: 10 * SECOND,
  /** A connection may rest so long between two requests. */
  idleMs: 12 * SECOND,
  /** A body has so long, and a second more for each so many bytes. */
  bodyMs: 10 * SECOND,
  bodyBytesPerSecondMin: 4 * KIB,
  /** An answer must begin after so long, and a stream of events go on. */
  answerMs: 60 * SECOND,
  /** Who does not take what he is sent for so long is gone: 15 s after he stopped, with full buffers first. */
  writeMs: 8 * SECOND,
  /** Connections of one address; many players may share one. */
  perAddressMax: 2000,
  /** Descriptors that connections leave to the log, the store and everything else. */
  descriptorsKept: 160,
} as const;

/** Throws when two limits contradict each other. */
export function assertEdgeLimits(l: Readonly<Record<keyof typeof edgeLimits, number>>): void {
  const relations: [boolean, string][] = [
    [l.chunkLineBytesMax <= l.headBytesMax, "chunkLineBytesMax <= headBytesMax"],
    // The gateway gives up sooner than the guard does.
    [limits.acceptTimeoutMs < l.answerMs, "acceptTimeoutMs < answerMs"],
    [limits.askTimeoutMs < l.answerMs, "askTimeoutMs < answerMs"],
  ];
  for (const [holds, relation] of relations) {
    if (!holds) throw new RangeError(`Cannot start as limits contradict each other: ${relation}`);
  }
}
