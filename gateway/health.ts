/**
 * Liveness and readiness, as orchestrators and people ask for them.
 *
 * @module
 */
import type { PartHealth } from "../supervisor/platform.ts";

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });

/** `GET /health/live`: 200 as long as the process can answer at all. */
export function liveResponse(): Response {
  return json(200, { status: "live" });
}

/**
 * `GET /health/ready`: 200, or 503 that names each part that is not ready and why. A part that is
 * `degraded` says what the platform does without; that alone is no reason for 503.
 */
export function readyResponse(parts: readonly PartHealth[]): Response {
  const failing = parts.filter(({ ready }) => !ready)
    .map(({ part, reason }) => ({ part, reason: reason ?? "not ready" }));
  const degraded = parts.filter((part) => part.degraded !== undefined)
    .map(({ part, degraded }) => ({ part, reason: degraded }));
  const isReady = failing.length === 0;
  return json(isReady ? 200 : 503, {
    status: isReady ? "ready" : "not_ready",
    failing,
    ...(degraded.length === 0 ? {} : { degraded }),
    parts: parts.map(({ part }) => part),
  });
}
