/** How long a supervisor waits before it starts a failed child again. */
export interface BackoffOptions {
  /** Before the first restart, milliseconds. @default 50 */
  readonly minMs?: number;
  /** Never longer, milliseconds. @default 5000 */
  readonly maxMs?: number;
  /** Share of the delay that is random, 0 to 1: spreads restarts that one cause set off. @default 0.5 */
  readonly jitter?: number;
  /** A child that was up this long begins anew at `minMs`, milliseconds. @default 30000 */
  readonly resetMs?: number;
}

export const backoffDefaults: Required<BackoffOptions> = {
  minMs: 50,
  maxMs: 5000,
  jitter: 0.5,
  resetMs: 30_000,
};

/**
 * `minMs` doubled with each failure in a row up to `maxMs`, less a random part of up to `jitter`.
 *
 * @param failures in a row, this one included; at least 1
 * @param random 0 to 1
 */
export function backoffMs(
  failures: number,
  random: number,
  options: Required<BackoffOptions> = backoffDefaults,
): number {
  const full = Math.min(options.maxMs, options.minMs * 2 ** (failures - 1));
  return full * (1 - options.jitter * random);
}

/** @throws {RangeError} naming the option that cannot be */
export function assertBackoff(options: Required<BackoffOptions>): void {
  const { minMs, maxMs, jitter, resetMs } = options;
  if (!(minMs >= 0 && minMs <= maxMs && maxMs < Infinity)) {
    throw new RangeError(
      `Cannot back off as 0 <= minMs <= maxMs must hold: current values are ${minMs}, ${maxMs}`,
    );
  }
  if (!(jitter >= 0 && jitter <= 1)) {
    throw new RangeError(
      `Cannot back off as 'jitter' must be between 0 and 1: current value is ${jitter}`,
    );
  }
  if (!(resetMs >= 0)) {
    throw new RangeError(
      `Cannot back off as 'resetMs' must be at least 0: current value is ${resetMs}`,
    );
  }
}
