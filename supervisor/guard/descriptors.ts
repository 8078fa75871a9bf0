/**
 * How many connections there may be, so that descriptors are left for everything else.
 *
 * @module
 */
import { edgeLimits } from "../../schema/net/edge_limits.ts";

/** A connection's own, and both ends of the one behind the guard. */
const descriptorsPerConnection = 3;
/** Where the system does not tell. */
const unknownMax = 10_000;

/** The soft limit on open files in the text of `/proc/self/limits`; Infinity for `unlimited`. */
export function openFilesMax(limitsText: string): number | undefined {
  const soft = /^Max open files +(\d+|unlimited)/m.exec(limitsText)?.[1];
  return soft === undefined ? undefined : soft === "unlimited" ? Infinity : Number(soft);
}

/** Connections that so many descriptors allow: at least 16. */
export function connectionsWithin(openFiles: number): number {
  const free = Math.max(0, openFiles - edgeLimits.descriptorsKept);
  return Math.max(16, Math.floor(free / descriptorsPerConnection));
}

/** Connections that this process may have. */
export function connectionsAllowed(): number {
  try {
    const openFiles = openFilesMax(Deno.readTextFileSync("/proc/self/limits"));
    if (openFiles !== undefined) return Math.min(1_000_000, connectionsWithin(openFiles));
  } catch {
    // No `/proc` here.
  }
  return unknownMax;
}
