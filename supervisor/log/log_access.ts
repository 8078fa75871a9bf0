/**
 * The log in another thread: what it needs is posted there, and opened.
 *
 * @module
 */
import { topicTable } from "../../schema/topics.ts";
import { KafkaLog, kafkaTarget } from "./kafka/kafka_log.ts";
import type { Log } from "./log.ts";
import type { LogConnection } from "./sqlite/protocol.ts";
import { openSqliteLog, SqliteLog } from "./sqlite/sqlite_log.ts";

/** How to get at the log: plain data, but for a port. */
export type LogAccess =
  | { readonly type: "sqlite"; readonly connection: LogConnection }
  | {
    readonly type: "kafka";
    readonly url: string;
    /** The partition count of `player.events.raw`. */
    readonly rawPartitions: number;
    /** What the brokers' logs call the client. */
    readonly clientId: string;
  };

/** What is to be transferred with it. */
export function transferOf(access: LogAccess): Transferable[] {
  return access.type === "sqlite" ? [access.connection.port] : [];
}

/**
 * A client of the log: of the one writer's, or one more of the brokers'.
 *
 * @throws {Terminal} `bad_log_url`
 */
export function openLog(access: LogAccess): Log {
  if (access.type === "sqlite") return openSqliteLog(access.connection);
  const { url, rawPartitions, clientId } = access;
  return new KafkaLog(kafkaTarget(url), { topics: topicTable(rawPartitions), clientId });
}

/** Goes over to a writer that was started again; a client of brokers does so by itself. */
export function reconnectLog(log: Log | undefined, access: LogAccess): void {
  if (log instanceof SqliteLog && access.type === "sqlite") log.reconnect(access.connection);
}
