/**
 * Links taken back by an operator.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Admin } from "../platform/admin.ts";

const retryMs = 50;
const giveUpMs = 20_000;

/**
 * Takes these aliases back, each asked for until it is taken. One that has gone with another is a player's
 * own, or his whom it went with, and is asked for there.
 *
 * @returns how many were answered 202
 * @throws {Error} another answer, or none in time
 */
export async function undo(admin: Admin, aliases: readonly string[]): Promise<number> {
  let taken = 0;
  for (const alias of aliases) {
    const deadline = performance.now() + giveUpMs;
    for (;;) {
      const status = await admin.unmerge(`demo/${alias}`);
      if (status === 202) taken++;
      if (status === 202 || status === 409) break;
      if (status !== 503 || performance.now() > deadline) {
        throw new Error(`Cannot take '${alias}' back: ${status}`);
      }
      await sleep(retryMs);
    }
  }
  return taken;
}
