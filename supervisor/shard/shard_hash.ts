/**
 * The hash of a shard, as its owner keeps it: the sum, modulo 2^64, of the hashes of all its
 * snapshots. A commit tells the store only by how much it changes. As the sum over the stored rows
 * must come to the same, a successor notices a row that was lost, brought back or written by somebody
 * else, without reading a single state.
 *
 * @module
 */
import { fingerprintBigint } from "../../schema/hash.ts";
import type { SnapshotPart } from "../store/store.ts";

/** The hash of a part: of its actor, the behaviour's version and its state. Signed 64 bits, decimal. */
export function partHash(
  { actorId, part, version, checksum }: Omit<SnapshotPart, "hash" | "body" | "offset">,
): string {
  return fingerprintBigint(`${actorId}\n${part}\n${version}\n${checksum}`);
}

/** Hashes of the stored parts of one actor: what its next snapshot replaces. */
export class PartHashes {
  /** Of part `""`, the only one that most actors have. */
  #main = "0";
  #others: Map<string, string> | undefined;

  /** `"0"` for a part that is not stored. */
  get(part: string): string {
    return part === "" ? this.#main : this.#others?.get(part) ?? "0";
  }

  set(part: string, hash: string): void {
    if (part === "") this.#main = hash;
    else (this.#others ??= new Map()).set(part, hash);
  }
}

/** By how much the snapshots taken since the last commit change the shard's hash. */
export class HashChange {
  #sum = 0n;

  replace(before: string, after: string): void {
    this.#sum += BigInt(after) - BigInt(before);
  }

  /** The change, decimal, and none from here on. */
  take(): string {
    const sum = this.#sum;
    this.#sum = 0n;
    return sum.toString();
  }
}
