/**
 * A real PostgreSQL as a child of ours, on a loopback port. It outlives a kill -9 of its parent,
 * finishing what was sent to it; the next start adopts it.
 *
 * @module
 */
import postgres from "postgres";
import { Terminal, Unavailable } from "../../schema/errors.ts";
import { commandOptions, openCluster, role } from "./embedded/cluster.ts";
import { type Home, openHome } from "./embedded/home.ts";
import {
  isAlive,
  isPostmasterOf,
  passUnreaped,
  postmasterFile,
  readPostmasterFile,
  stopPostmaster,
  watchExit,
  within,
} from "./embedded/postmaster.ts";
import { openPrograms, type Programs } from "./embedded/programs.ts";
import { host, postgresArguments } from "./embedded/settings.ts";
import { yieldProcessor } from "./embedded/yield_processor.ts";
import { type DataDirLock, lockDataDir } from "./data_dir_lock.ts";

/** What the server has to say about itself, for the platform's log. */
export interface EmbeddedLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface EmbeddedPostgresOptions {
  /** The folder of the deployment; the server lives in `postgres/` below it. Made if missing. */
  readonly dataDir: string;
  readonly log?: EmbeddedLog;
  /** A lock on `dataDir` that the caller holds already. @default one of its own, until it stops */
  readonly lock?: DataDirLock;
  /** How long start-up and crash recovery may take, milliseconds. @default 120_000 */
  readonly startTimeoutMs?: number;
}

export interface EmbeddedPostgres {
  /** `postgres://` URL with password; reachable on this machine only. */
  readonly url: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** It was running already, left behind by a parent that was killed. */
  readonly adopted: boolean;
  /** Resolves when the server is gone, wanted or not. Never rejects. */
  readonly exited: Promise<void>;
  /**
   * Stops it: clients are cut and a checkpoint is written; after `timeoutMs` it is stopped at once.
   *
   * @param timeoutMs @default 10_000
   */
  stop(timeoutMs?: number): Promise<void>;
}

interface Running {
  readonly pid: number;
  readonly port: number;
  readonly exited: Promise<void>;
  readonly adopted: boolean;
}

const silent: EmbeddedLog = { info() {}, warn() {} };

/**
 * Starts the PostgreSQL of `dataDir`, or adopts it if it is still running.
 *
 * @throws {Terminal} `data_dir_locked`, `data_dir_not_writable`, `store_*`, `no_unprivileged_user`
 * @throws {Unavailable} it did not become ready in time
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { dataDir, log = silent, startTimeoutMs = 120_000 } = options;
  const lock = options.lock ?? await lockDataDir(dataDir);
  const unlock = () => options.lock === undefined && lock.release();
  try {
    const home = await openHome(dataDir);
    if (home.isElsewhere) {
      const reason = "The store lives outside DATA_DIR, where PostgreSQL's user may not go";
      log.warn(reason, { data_dir: dataDir, folder: home.path });
    }
    const programs = await openPrograms(home);
    const password = await openCluster(home, programs);
    const deadline = performance.now() + startTimeoutMs;
    const running = await adopt(home, password, deadline, log) ??
      await launch(home, programs, deadline, log);
    return {
      url: urlOf(running.port, password),
      pid: running.pid,
      adopted: running.adopted,
      exited: running.exited,
      async stop(timeoutMs = 10_000) {
        const how = await stopPostmaster(running.pid, running.exited, timeoutMs);
        if (how !== "fast") log.warn("The store did not stop in time", { how, ms: timeoutMs });
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

function urlOf(port: number, password: string): string {
  return `postgres://${role}:${password}@${host}:${port}/postgres`;
}

/**
 * Takes over the server that a killed parent left behind. One that lives but does not answer is
 * stopped; a `postmaster.pid` that names a stranger is removed, as PostgreSQL would respect it.
 */
async function adopt(
  home: Home,
  password: string,
  deadline: number,
  log: EmbeddedLog,
): Promise<Running | undefined> {
  const file = await readPostmasterFile(home.data);
  // Our own pid stands for a dead server that was not reaped.
  if (file === undefined || file.pid === Deno.pid || !await isAlive(file.pid)) return undefined;
  const { pid, port } = file;
  if (!await isPostmasterOf(pid, home.data)) {
    log.warn("The store's pid file names another program: it is removed", { pid });
    await Deno.remove(postmasterFile(home.data));
    return undefined;
  }
  const exited = watchExit(pid);
  let answer: Answer;
  while ((answer = await askServer(urlOf(port, password))) === "starting") {
    if (await within(exited, 100) || performance.now() > deadline) break;
  }
  if (answer === home.data) {
    log.info("Adopted the store's running server", { pid, port });
    yieldProcessor(pid, exited);
    return { pid, port, exited, adopted: true };
  }
  const how = await stopPostmaster(pid, exited, 2_000);
  log.warn("Stopped a server of the store that did not answer", { pid, port, how });
  return undefined;
}

/** The folder that the server serves, or why it does not say. */
type Answer = string | "starting" | "silent";

async function askServer(url: string): Promise<Answer> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, fetch_types: false });
  try {
    const asked = sql`select current_setting('data_directory') as folder`;
    asked.catch(() => {});
    if (!await within(asked, 2_000)) return "silent";
    return (await asked)[0]!.folder;
  } catch (error) {
    // 57P03: it starts up, recovers or shuts down.
    return (error as { code?: string }).code === "57P03" ? "starting" : "silent";
  } finally {
    await sql.end({ timeout: 0 });
  }
}

async function launch(
  home: Home,
  programs: Programs,
  deadline: number,
  log: EmbeddedLog,
): Promise<Running> {
  const begin = performance.now();
  for (;;) {
    const port = await choosePort(home);
    if (await passUnreaped(home.data)) log.info("The store's last server is dead, but not reaped");
    const started = await launchOn(port, home, programs, deadline, log);
    if (!Array.isArray(started)) {
      const ms = Math.round(performance.now() - begin);
      log.info("Started the store's server", { pid: started.pid, port, ms });
      return started;
    }
    const text = started.join("; ");
    // Backends of a killed postmaster take a moment to notice; a port can be lost to another program.
    if (!/shared memory block|Address already in use|lock file/.test(text)) {
      throw new Terminal("store_start", `Cannot start PostgreSQL on ${home.data}: ${text}`);
    }
    if (performance.now() > deadline) {
      throw new Unavailable("store", `PostgreSQL did not start in time: ${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The port of last time if it is free, so that the URL stays; else one that is. */
async function choosePort(home: Home): Promise<number> {
  const path = `${home.path}/port`;
  const last = Number(await Deno.readTextFile(path).catch(() => "0"));
  for (const wanted of [last, 0]) {
    try {
      const listener = Deno.listen({ hostname: host, port: wanted });
      const { port } = listener.addr;
      listener.close();
      if (port !== last) await Deno.writeTextFile(path, `${port}\n`);
      return port;
    } catch (error) {
      if (wanted === 0) throw error;
    }
  }
  throw new Unavailable("store", "No loopback port is free");
}

/** Starts the postmaster and waits until it is ready; its last words if it ends before. */
async function launchOn(
  port: number,
  home: Home,
  programs: Programs,
  deadline: number,
  log: EmbeddedLog,
): Promise<Running | string[]> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(programs.postgres, {
      args: postgresArguments(home.data, port, programs.hasLz4),
      ...commandOptions(home),
      stdout: "null",
      stderr: "piped",
      // A group of its own: Ctrl-C is for us, and we still need the store while draining.
      detached: true,
    }).spawn();
  } catch (cause) {
    const reason = `Cannot run ${programs.postgres}: ${(cause as Error).message}`;
    throw new Terminal("store_start", reason, { cause });
  }
  const lastWords: string[] = [];
  const drained = forward(child.stderr, log, lastWords);
  let ended = false;
  const exited = child.status.then(() => void (ended = true));
  // Before it has processes of its own, which inherit.
  yieldProcessor(child.pid, exited);
  while (!ended) {
    const file = await readPostmasterFile(home.data);
    if (file?.pid === child.pid && file.ready) {
      return { pid: child.pid, port, exited, adopted: false };
    }
    if (performance.now() > deadline) {
      await stopPostmaster(child.pid, exited, 0);
      throw new Unavailable("store", `PostgreSQL was not ready in time: ${lastWords.join("; ")}`);
    }
    await within(exited, 10);
  }
  await drained;
  return lastWords;
}

/** Sends the server's own log to ours; keeps its last lines. */
async function forward(
  stream: ReadableStream<Uint8Array>,
  log: EmbeddedLog,
  lastWords: string[],
): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const text = decoder.decode(bytes, { stream: true });
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const [, level, message] = / (LOG|WARNING|ERROR|FATAL|PANIC|HINT|DETAIL): +(.*)/.exec(line) ??
        [];
      if (level === undefined || message === undefined) continue;
      if (level !== "LOG") log.warn("The store's server says", { severity: level, text: message });
      lastWords.push(`${level}: ${message}`);
      if (lastWords.length > 8) lastWords.shift();
    }
  }
}
