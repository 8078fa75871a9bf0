/** The loopback ports of the services: each 10,000 above the usual one, or near it. */
import type { Site } from "./service.ts";

export const host = "127.0.0.1";

const base = {
  /** The first broker's; the next brokers have the next ports. */
  kafka: 19_092,
  kafkaController: 19_192,
  postgres: 15_432,
  redis: 16_379,
  minio: 19_000,
  qdrant: 16_333,
} as const;

/** @param index which of several, from 0 */
export function portOf(site: Site, name: keyof typeof base, index = 0): number {
  return base[name] + site.portOffset + index;
}
