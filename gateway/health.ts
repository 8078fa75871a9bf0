/**
 * Liveness and readiness, as orchestrators ask for them.
 *
 * @module
 */
import { readiness } from "../schema/http/readiness.ts";
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

/** `GET /health/ready`: 200, or 503 that names each part that is not ready. Why, the admin port tells. */
export function readyResponse(parts: readonly PartHealth[]): Response {
  const { status, body } = readiness(parts, { reasons: false });
  return json(status, body);
}
