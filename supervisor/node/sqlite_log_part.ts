/**
 * The embedded log of a node: the writer's thread, and the main thread's client of it.
 *
 * @module
 */
import { join } from "node:path";
import { type Terminal, Unavailable } from "../../schema/errors.ts";
import { logger } from "../observability/logger.ts";
import type { PartHealth } from "../platform.ts";
import type { LogAccess } from "../log/log_access.ts";
import { openSqliteLog, type SqliteLog } from "../log/sqlite/sqlite_log.ts";
import { type SqliteLogWriter, startSqliteLogWriter } from "../log/sqlite/writer.ts";
import type { ChildSpec, ExitReason } from "../tree/child.ts";
import type { LogPart, LogPartOptions } from "./log_part.ts";

const shutdownMs = 5_000;

/** The name of the log in a folder, made with it and lost with it. */
async function identityOf(folder: string): Promise<string> {
  const path = join(folder, "id");
  try {
    return `sqlite ${await Deno.readTextFile(path)}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const id = crypto.randomUUID();
  // Whole or not at all; nobody else is here, as the folder is locked.
  const file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true });
  await file.write(new TextEncoder().encode(id));
  await file.sync();
  file.close();
  await Deno.rename(`${path}.new`, path);
  return `sqlite ${id}`;
}

export class SqliteLogPart implements LogPart {
  readonly #log = logger("log");
  #writer: SqliteLogWriter | undefined;
  #client: SqliteLog | undefined;
  readonly #identity = Promise.withResolvers<string>();

  constructor(readonly options: LogPartOptions) {}

  get log(): SqliteLog {
    if (this.#client === undefined) throw new Unavailable("log", "The log is starting");
    return this.#client;
  }

  connect(): LogAccess {
    if (this.#writer === undefined) throw new Unavailable("log", "The log is starting");
    return { type: "sqlite", connection: this.#writer.connect() };
  }

  identity(): Promise<string> {
    return this.#identity.promise;
  }

  /** Whatever is wrong with files may be mended while it is tried again. */
  get refused(): Promise<Terminal> {
    return new Promise(() => {});
  }

  bytes(): Record<string, number> {
    const stats = Object.entries(this.#writer?.stats() ?? {});
    return Object.fromEntries(stats.map(([topic, { bytes }]) => [topic, bytes]));
  }

  health(): PartHealth {
    return this.#client?.isConnected
      ? { part: "log", ready: true }
      : { part: "log", ready: false, reason: "its writer is not running" };
  }

  spec(): ChildSpec {
    return {
      id: "log",
      type: "worker",
      restart: "permanent",
      shutdownMs,
      start: async () => {
        const { dataDir, topics, clockOffsetMs } = this.options;
        const writer = await startSqliteLogWriter(join(dataDir, "log"), topics, {
          offsetMs: clockOffsetMs,
          onCut: (report) => this.#log.warn("Cut a torn tail", { ...report }),
          onProblem: (message) => this.#log.error(message),
        });
        this.#writer = writer;
        this.#identity.resolve(await identityOf(join(dataDir, "log")));
        if (this.#client === undefined) this.#client = openSqliteLog(writer.connect());
        else {
          this.#client.reconnect(writer.connect());
          this.options.onRestart();
        }
        return {
          exited: writer.exited.then((exit): ExitReason =>
            exit.type === "closed" ? { type: "stopped" } : { type: "failed", error: exit.error }
          ),
          stop: async () => {
            await this.#client?.close();
            await writer.close();
          },
          kill: () => writer.kill(),
        };
      },
    };
  }
}
