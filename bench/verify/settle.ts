/**
 * Waits until the platform has caught up: what it acknowledged is in SQL, and the games have counted
 * what is in SQL.
 *
 * @module
 */

/** Between two looks: each counts the whole journal. */
const defaultPollMs = 500;

/** How the platform's progress is looked at. */
export interface Progress {
  /** Acknowledged events that SQL does not hold yet. */
  missing(): Promise<number>;
  /** Events in SQL by game. */
  stored(): Promise<ReadonlyMap<string, number>>;
  /** Events that a game has counted. */
  counted(gameId: string): Promise<number>;
}

/** What was waited for, and whether it came. */
export interface Settled {
  readonly ok: boolean;
  readonly seconds: number;
  /** What was still open at the end. */
  readonly reason: string;
}

/**
 * Polls until nothing is missing, all games agree with SQL, and this has been so at two looks with
 * nothing in between; or until `timeoutMs` has passed.
 *
 * @param pause waits that many milliseconds
 */
export async function settle(
  progress: Progress,
  timeoutMs: number,
  pause: (ms: number) => Promise<void>,
  now: () => number = () => performance.now(),
  pollMs = defaultPollMs,
): Promise<Settled> {
  const start = now();
  let calmAt = -1;
  for (;;) {
    const { reason, total } = await lookAt(progress);
    const seconds = (now() - start) / 1000;
    if (reason === "" && total === calmAt) return { ok: true, seconds, reason };
    calmAt = reason === "" ? total : -1;
    if (now() - start > timeoutMs) {
      return { ok: false, seconds, reason: reason || `${total} events in SQL, still growing` };
    }
    await pause(pollMs);
  }
}

async function lookAt(progress: Progress): Promise<{ reason: string; total: number }> {
  const missing = await progress.missing();
  const stored = await progress.stored();
  const total = [...stored.values()].reduce((a, b) => a + b, 0);
  if (missing > 0) return { reason: `${missing} acknowledged events are not in SQL`, total };
  for (const [gameId, events] of stored) {
    const counted = await progress.counted(gameId);
    if (counted !== events) {
      return { reason: `game ${gameId} has counted ${counted} of ${events} events`, total };
    }
  }
  return { reason: "", total };
}
