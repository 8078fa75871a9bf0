/**
 * Readiness as both ports tell it at `/health/ready`.
 *
 * @module
 */

/** What is known of a part of the platform. */
export interface PartReadiness {
  readonly part: string;
  readonly ready: boolean;
  readonly reason?: string;
  readonly degraded?: string;
}

/** Whom it is told to. */
export interface ReadinessOptions {
  /**
   * Whether it says why. Reasons name addresses, databases and users of this installation: for
   * operators, not for whoever reaches the gateway.
   */
  readonly reasons: boolean;
}

/**
 * The answer: 200, or 503 that names each part that is not ready. A part that is `degraded` says what
 * the platform does without; that alone is no reason for 503.
 */
export function readiness(
  parts: readonly PartReadiness[],
  { reasons }: ReadinessOptions,
): { readonly status: 200 | 503; readonly body: Readonly<Record<string, unknown>> } {
  const told = (part: string, reason: string) => reasons ? { part, reason } : { part };
  const failing = parts.filter(({ ready }) => !ready)
    .map(({ part, reason = "not ready" }) => told(part, reason));
  const degraded = parts.flatMap(({ part, degraded: why }) =>
    why === undefined ? [] : [told(part, why)]
  );
  const isReady = failing.length === 0;
  return {
    status: isReady ? 200 : 503,
    body: {
      status: isReady ? "ready" : "not_ready",
      failing,
      ...(degraded.length === 0 ? {} : { degraded }),
      parts: parts.map(({ part }) => part),
    },
  };
}
