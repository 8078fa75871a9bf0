/**
 * Qdrant, which only Docker has: it is in no distribution and in no registry of packages.
 *
 * @module
 */
import { host, portOf } from "../ports.ts";
import type { Service } from "../service.ts";

export const qdrant: Service = {
  name: "qdrant",
  variables: (site) => Promise.resolve({ VECTORS_URL: `http://${host}:${portOf(site, "qdrant")}` }),
  ask: async ({ VECTORS_URL }) => {
    const response = await fetch(`${VECTORS_URL}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`Qdrant answers /readyz with ${response.status}: ${text}`);
  },
  stopSignal: "SIGTERM",
};
