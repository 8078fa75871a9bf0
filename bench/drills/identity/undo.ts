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
 * Takes these aliases back, all at once, each asked for until it is taken. One that has gone with another
 * is a player's own, or his whom it went with, and is asked for there.
 *
 * @returns how many were answered 202
 * @throws {Error} another answer, or none in time
 */
export async function undo(admin: Admin, aliases: readonly string[]): Promise<number> {
  const taken = await Promise.all(aliases.map((alias) => undoOne(admin, alias)));
  return taken.filter((isTaken) => isTaken).length;
}

async function undoOne(admin: Admin, alias: string): Promise<boolean> {
  const deadline = performance.now() + giveUpMs;
  for (;;) {
    const status = await admin.unmerge(`demo/${alias}`);
    if (status === 202 || status === 409) return status === 202;
    if (status !== 503 || performance.now() > deadline) {
      throw new Error(`Cannot take '${alias}' back: ${status}`);
    }
    await sleep(retryMs);
  }
}
