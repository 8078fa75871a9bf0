/**
 * Settings of the embedded server. They go on its command line, so that a newer version of the
 * platform brings its own to an old database folder.
 *
 * @module
 */

/** Loopback only: the server is a part of this process, not of the network. */
export const host = "127.0.0.1";

const fixed: Readonly<Record<string, string>> = {
  listen_addresses: host,
  // No socket file: its path may be too long below a deep DATA_DIR.
  unix_socket_directories: "",
  // A dozen workers with thirteen connections each, and people.
  max_connections: "200",
  shared_buffers: "256MB",

  // Durable at every commit.
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  // Little to redo after a kill: a checkpoint at least every 30 s, and never more than this of WAL.
  checkpoint_timeout: "30s",
  max_wal_size: "1GB",
  min_wal_size: "256MB",
  wal_buffers: "16MB",
  // A new file of 16 MB written full of zeros, by whoever commits just then, keeps the disk from all others.
  wal_init_zero: "off",
  // Nobody replicates from it.
  wal_level: "minimal",
  max_wal_senders: "0",

  // Fewer idle processes, and no surprises in latency: statements here are many and small.
  io_method: "sync",
  jit: "off",
  autovacuum_max_workers: "2",

  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  // A refused statement of ours is up to megabytes long, and whoever sent it reports it.
  log_min_error_statement: "panic",
};

/** Pages of the WAL, and rows too large for a page, which by default takes pglz 3 % of the server's time. */
const withLz4 = { wal_compression: "lz4", default_toast_compression: "lz4" };

/** The arguments of `postgres` for a database folder and port. */
export function postgresArguments(data: string, port: number, hasLz4: boolean): string[] {
  const settings = { ...fixed, ...(hasLz4 ? withLz4 : {}) };
  return [
    "-D",
    data,
    "-p",
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}
