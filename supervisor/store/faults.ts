/**
 * What a failed statement means. A server that answers has rolled the statement back; a server that
 * does not answer may have done anything.
 *
 * @module
 */
import postgres from "postgres";
import {
  Fenced,
  InvariantBroken,
  OutcomeUnknown,
  type PlatformError,
  Terminal,
  Unavailable,
} from "../../schema/errors.ts";

/** SQLSTATE that `commit_batch` raises for another epoch or offset. */
const fencedState = "ZF001";

/** The error of a {@link serverFault} that carries no multi-megabyte parameters along. */
function slim(error: unknown): Error {
  const { name, message, code } = error as Error & { code?: string };
  return Object.assign(new Error(message), { name, code });
}

/** Whether the connection broke with this answer, so that the statement's own outcome is open. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) {
    // Shutdown, crash, idle timeouts, connection exceptions.
    return /^(57P0[1245]|08...|25P0[34])$/.test(error.code);
  }
  const code = (error as { code?: unknown } | null)?.code;
  // The client's own complaints about a call are bugs of ours; all else comes from the socket.
  return !(error instanceof TypeError) && !(error instanceof RangeError) &&
    !["UNDEFINED_VALUE", "NOT_TAGGED_CALL", "MAX_PARAMETERS_EXCEEDED"].includes(String(code));
}

/** The fault of a statement that the server refused: it has changed nothing. */
export function serverFault(error: postgres.PostgresError): PlatformError {
  const { code, message } = error;
  const cause = slim(error);
  if (code === fencedState) return new Fenced(message, { cause });
  const said = `PostgreSQL says ${code}: ${message}`;
  // Data or a constraint of ours: the same statement would fail again.
  if (/^2[123]/.test(code)) return new InvariantBroken(said, { cause });
  // Wrong password, database, permissions, a function that is not there.
  if (/^(28|3D|3F|42|0A)/.test(code)) return new Terminal("store_misconfigured", said, { cause });
  // Timeouts, locks, resources, start-up, a standby that has not been promoted: they pass.
  return new Unavailable("store", said, { cause });
}

/** The fault of a connection that could not be opened. */
export function connectFault(error: unknown): PlatformError {
  if (error instanceof postgres.PostgresError) return serverFault(error);
  const reason = (error as Error).message || (error as { code?: string }).code;
  return new Unavailable("store", `Cannot reach PostgreSQL: ${reason}`, { cause: slim(error) });
}

/** The fault of a statement that was sent and not answered. */
export function silenceFault(error: unknown): OutcomeUnknown {
  const reason = (error as Error).message;
  return new OutcomeUnknown("store", `PostgreSQL did not answer: ${reason}`, {
    cause: slim(error),
  });
}
