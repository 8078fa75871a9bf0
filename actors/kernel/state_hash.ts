/**
 * The hash of an actor's whole state, one thing wherever it is shown: `stateHash` of GraphQL and `/ws`,
 * `hash` of the admin API's actor, replay and diff.
 *
 * @module
 */
import { fingerprintHex } from "../../schema/hash.ts";
import type { Part } from "./behaviour.ts";

/**
 * Hash of all parts that a behaviour's `describe()` gives, in their order; 16 hex digits. That of a
 * state in one part without a name is the hash of its body, and so the checksum of its snapshot.
 */
export function stateHash(parts: readonly Part[]): string {
  const isWhole = parts.length === 1 && parts[0]!.part === "";
  return fingerprintHex(
    isWhole ? parts[0]!.body : parts.map(({ part, body }) => `${part}=${body}`).join("\n"),
  );
}
