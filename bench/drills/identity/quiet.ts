/**
 * Waits until nothing is under way: merges are talks of several messages, which no count of events shows.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Admin } from "../platform/admin.ts";

const pollMs = 400;
/** What a shard has sent and not yet appended shows at the second look. */
const calmLooks = 3;

/**
 * Resolves when no shard has anything to do, at several looks with nothing in between.
 *
 * @returns whether it came to that within `limitMs`
 */
export async function quiet(admin: Admin, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  let seen = "";
  for (let calm = 0; performance.now() < deadline; await sleep(pollMs)) {
    const shards = await admin.shards();
    const ends = shards.map(({ end_offset }) => end_offset).join(" ");
    const isIdle = shards.every(({ lag, mailbox, node }) => lag + mailbox === 0 && node !== null);
    calm = isIdle ? (ends === seen ? calm + 1 : 1) : 0;
    seen = ends;
    if (calm >= calmLooks) return true;
  }
  return false;
}
