/**
 * The loopback ports of the services: the usual ones plus 10,000 or so, that they meet nobody.
 *
 * @module
 */
import type { ServiceName, Site } from "./service.ts";

export const host = "127.0.0.1";

/** Where a server listens that need not be on loopback. */
export function hostOf(site: Pick<Site, "hosts">, name: "kafka" | "postgres"): string {
  return site.hosts?.[name] ?? host;
}

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
export function portOf(site: Pick<Site, "portOffset">, name: keyof typeof base, index = 0): number {
  return base[name] + site.portOffset + index;
}

/** All ports that a service takes. */
export function portsOf(site: Pick<Site, "portOffset" | "brokers">, name: ServiceName): number[] {
  if (name !== "kafka") return [portOf(site, name)];
  const brokers = Array.from({ length: site.brokers }, (_, i) => i);
  return [
    ...brokers.map((i) => portOf(site, "kafka", i)),
    ...brokers.map((i) => portOf(site, "kafkaController", i)),
  ];
}

/** Whether nobody listens on a port of ours. */
export function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: host, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Between two sites whose services all fit side by side. */
const offsetStep = 10;
const offsetMax = 90;

/**
 * The least offset at which all ports of these services are free.
 *
 * @throws {Error} none is
 */
export function findOffset(brokers: number, names: readonly ServiceName[]): number {
  for (let portOffset = 0; portOffset <= offsetMax; portOffset += offsetStep) {
    if (names.flatMap((name) => portsOf({ portOffset, brokers }, name)).every(isFree)) {
      return portOffset;
    }
  }
  throw new Error(`Cannot find free ports for ${names.join(", ")} at an offset up to ${offsetMax}`);
}
