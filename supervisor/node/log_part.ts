/**
 * The log of a node as a child, chosen by `LOG_URL`.
 *
 * @module
 */
import type { Log } from "../log/log.ts";
import type { LogAccess } from "../log/log_access.ts";
import type { Terminal } from "../../schema/errors.ts";
import type { Topics } from "../../schema/topics.ts";
import type { PartHealth } from "../platform.ts";
import type { Clock } from "../shard/clock.ts";
import type { ChildSpec } from "../tree/child.ts";
import { KafkaLogPart } from "./kafka_log_part.ts";
import { SqliteLogPart } from "./sqlite_log_part.ts";

export interface LogPartOptions {
  /** `sqlite:` or `kafka://…`. */
  readonly logUrl: string;
  readonly dataDir: string;
  readonly nodeId: string;
  readonly topics: Topics;
  readonly clock: Clock;
  /** Added to the machine's clock. */
  readonly clockOffsetMs: number;
  /** Threads must go over to a new writer: {@link LogPart.connect} gives it. */
  readonly onRestart: () => void;
}

export interface LogPart {
  /** The main thread's client. @throws {Unavailable} before the first start */
  readonly log: Log;
  /** Access for another thread. @throws {Unavailable} while there is none */
  connect(): LogAccess;
  /** Names the log, for ever; resolves once it has been reached. */
  identity(): Promise<string>;
  /** Resolves when the log can never be used as it is configured; that was logged already. */
  readonly refused: Promise<Terminal>;
  health(): PartHealth;
  /** Bytes on this machine's disk, by topic; none when they lie elsewhere. */
  bytes(): Readonly<Record<string, number>>;
  spec(): ChildSpec;
}

export function logPart(options: LogPartOptions): LogPart {
  return options.logUrl.startsWith("kafka:")
    ? new KafkaLogPart(options)
    : new SqliteLogPart(options);
}
