/**
 * Exit codes of the platform's process, after `sysexits.h` where it has a word for it.
 *
 * @module
 */

export const exitCode = {
  /** Drained: everything accepted is durable. */
  drained: 0,
  /** Failed while it ran. */
  failed: 1,
  /** A resource that is needed never came (`EX_UNAVAILABLE`). */
  resourceUnavailable: 69,
  /** The configuration is wrong; nothing was started (`EX_CONFIG`). */
  badConfiguration: 78,
} as const;
