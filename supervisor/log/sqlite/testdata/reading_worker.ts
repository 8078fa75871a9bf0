/**
 * Reads a partition in a worker of its own and reports each record with the time it was seen.
 *
 * @module
 */
import type { LogConnection } from "../protocol.ts";
import { openSqliteLog } from "../sqlite_log.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ connection: LogConnection; partition: number }>) => void;
  postMessage(message: unknown): void;
};
const never = new AbortController().signal;

scope.onmessage = async ({ data: { connection, partition } }) => {
  const log = openSqliteLog(connection);
  scope.postMessage("ready");
  for (let next = 0;;) {
    const records = await log.fetch("player.events.raw", partition, next, 1024 * 1024, never);
    const seenAtMs = performance.timeOrigin + performance.now();
    for (const { offset, value } of records) scope.postMessage({ offset, value, seenAtMs });
    next = records.at(-1)!.offset + 1;
  }
};
