/**
 * The server's side of a statement's deadline.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";

/**
 * Settings of a connection whose statements have `timeoutMs` by our own clock. The server gives up a
 * little earlier, on locks a little earlier still, so that we are told rather than left to guess.
 * Older servers lack some of them and go without: `transaction_timeout` came with PostgreSQL 17.
 *
 * @param timeoutMs at most this long, by our clock; milliseconds
 */
export function deadlines(timeoutMs: number): Record<string, string> {
  const statementMs = Math.max(timeoutMs - limits.storeAnswerMs, timeoutMs / 2);
  const lockMs = Math.max(statementMs - limits.storeLockAnswerMs, statementMs / 2);
  const ms = (value: number) => String(Math.round(value));
  return {
    statement_timeout: ms(statementMs),
    lock_timeout: ms(lockMs),
    // A client that vanishes must not keep its row locks: not in the middle of a statement …
    client_connection_check_interval: ms(Math.min(limits.storeClientCheckMs, timeoutMs)),
    transaction_timeout: ms(timeoutMs),
    // … and not between two. Ours are one statement each; this is for whoever forgets it.
    idle_in_transaction_session_timeout: ms(timeoutMs),
  };
}
