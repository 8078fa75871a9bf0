/**
 * A store belongs to the log whose offsets it counts. With another log, a node would skip or repeat what
 * it finds there, so it is refused.
 *
 * @module
 */
import postgres from "postgres";
import { Terminal } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { serverFault } from "./faults.ts";
import { SqlPool } from "./sql_pool.ts";

/**
 * Holds the store to the first log that it was used with.
 *
 * @param url of a prepared database
 * @param logId names the log, for ever
 * @throws {Terminal} `other_log`
 * @throws {Unavailable} the server cannot be reached
 */
export async function holdToLog(url: string, logId: string): Promise<void> {
  const pool = new SqlPool({ url, connections: 1, settings: {} });
  let known: string;
  try {
    const [row] = await pool.run(
      limits.commitTimeoutMs,
      (sql) => sql<{ id: string }[]>`select remember_log(${logId}) as id`,
    );
    known = row!.id;
  } catch (error) {
    throw error instanceof postgres.PostgresError ? serverFault(error) : error;
  } finally {
    await pool.close();
  }
  if (known === logId) return;
  const hint = logId.startsWith("sqlite ")
    ? "several nodes on one store need a log that they share (LOG_URL=kafka://…); alone, use the " +
      "DATA_DIR or the store that belong together"
    : "set LOG_URL back, or begin with an empty database";
  throw new Terminal(
    "other_log",
    `Cannot use this store as its shards count the offsets of another log (${known}) than this ` +
      `node's (${logId}): ${hint}`,
  );
}
