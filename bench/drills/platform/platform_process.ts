/**
 * One platform process of a drill: started, waited for, signalled, looked at. It is a group of its
 * own, so that Ctrl-C reaches the drill alone, which then clears up.
 *
 * @module
 */
import { join } from "node:path";
import type { RunInfo } from "../../../supervisor/main.ts";
import type { FrozenWorkers } from "../../../supervisor/worker/worker_child.ts";
import { startArguments } from "../../cli/start_command.ts";
import type { Site } from "./site.ts";
import { residentBytes } from "./process_tree.ts";

/** How a platform is started. */
export interface StartOptions {
  /** Added to its clock, milliseconds. @default 0 */
  readonly clockOffsetMs?: number;
  /** URL of a module that stands in for the player stage. @default none */
  readonly playerStage?: URL;
  readonly gameStage?: URL;
  /** What becomes of workers that are frozen. @default "terminate" */
  readonly frozenWorkers?: FrozenWorkers;
  /** Whether its gateway sheds load. @default true */
  readonly sheds?: boolean;
  /** Whether it does so for how long requests wait for their turn. @default true */
  readonly shedsForTurns?: boolean;
  /** Whether its WebSockets have bounds. @default true */
  readonly boundsSockets?: boolean;
  /** Whether GraphQL operations are held to limits. @default true */
  readonly boundsGraphql?: boolean;
  /** Whether its listeners outlast a time without descriptors. @default true */
  readonly isPatient?: boolean;
  /** What its keys forget of whom they stand for. @default nothing */
  readonly blur?: "games" | "role" | "studio" | "write" | "signing";
  /** Variables for this platform alone. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process has ended. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** `performance.now()` */
  readonly at: number;
}

const pollMs = 10;
const outputCharsMax = 200_000;
/** The program that every platform of a drill runs. */
export const program: URL = new URL("../fixtures/platform_main.ts", import.meta.url);

export class PlatformProcess {
  readonly pid: number;
  /** `performance.now()` */
  readonly startedAt = performance.now();
  readonly exited: Promise<Ended>;
  readonly #child: Deno.ChildProcess;
  #ended: Ended | undefined;
  #output = "";

  private constructor(readonly site: Site, options: StartOptions) {
    const { clockOffsetMs = 0, playerStage, gameStage, frozenWorkers, env = {} } = options;
    const { sheds = true, shedsForTurns = true } = options;
    const { boundsSockets = true, boundsGraphql = true, isPatient = true, blur } = options;
    const [first, ...args] = [
      ...site.runner,
      Deno.execPath(),
      ...startArguments(program),
      ...[`--clock-offset-ms=${clockOffsetMs}`],
      ...(playerStage === undefined ? [] : ["--player-stage", playerStage.href]),
      ...(gameStage === undefined ? [] : ["--game-stage", gameStage.href]),
      ...(sheds ? [] : ["--no-shedding"]),
      ...(shedsForTurns ? [] : ["--no-turns"]),
      ...(boundsSockets ? [] : ["--unbounded-sockets"]),
      ...(isPatient ? [] : ["--impatient-listeners"]),
      ...(boundsGraphql ? [] : ["--unbounded-graphql"]),
      ...(blur === undefined ? [] : ["--blur", blur]),
      ...(frozenWorkers === undefined ? [] : ["--frozen-workers", frozenWorkers]),
    ];
    this.#child = new Deno.Command(first!, {
      args,
      env: { ...site.env, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.pid = this.#child.pid;
    const output = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]);
    this.exited = this.#child.status.then(async ({ code, signal }) => {
      this.#ended = { code, signal, at: performance.now() };
      await output;
      return this.#ended;
    });
  }

  static spawn(site: Site, options: StartOptions): PlatformProcess {
    return new PlatformProcess(site, options);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      const text = this.#output + decoder.decode(bytes, { stream: true });
      this.#output = text.slice(-outputCharsMax);
    }
  }

  /** What it has written to its standard streams, the end of it. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#ended === undefined;
  }

  /** @throws {Deno.errors.NotFound} it is gone */
  get rssBytes(): number {
    return residentBytes(this.pid);
  }

  /** Sends a signal to this process alone. @throws {TypeError} it has ended */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Kills this process alone; its PostgreSQL lives on. */
  async kill(): Promise<Ended> {
    this.signal("SIGKILL");
    return await this.exited;
  }

  /** Drains it. @returns how it ended, within `timeoutMs` or by force */
  async drain(timeoutMs = 15_000): Promise<Ended> {
    const force = setTimeout(() => this.signal("SIGKILL"), timeoutMs);
    if (this.isRunning) this.signal("SIGTERM");
    const ended = await this.exited;
    clearTimeout(force);
    return ended;
  }

  /**
   * Looks until `look` finds something.
   *
   * @param everyMs pause between two looks. @default 10
   * @throws {Error} the process ended, or the time was up; with the end of its output
   */
  async until<T>(
    what: string,
    timeoutMs: number,
    look: () => Promise<T | undefined>,
    everyMs = pollMs,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      const isOver = performance.now() > deadline;
      if (isOver || !this.isRunning) {
        const why = isOver ? `not within ${timeoutMs} ms` : "the platform ended";
        throw new Error(`Waited in vain until ${what}: ${why}. Its output:\n${this.#tail()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  #tail(): string {
    return this.#output.slice(-4000);
  }

  /** Waits until the store is ready and all shards are served. */
  async ready(timeoutMs = 60_000): Promise<RunInfo> {
    const info = await this.until("run.json is there", timeoutMs, () => this.#readRunInfo());
    await this.until("it is ready", timeoutMs, async () => {
      const { status } = await this.get("/health/ready");
      return status === 200 ? true : undefined;
    }, 25);
    return info;
  }

  async #readRunInfo(): Promise<RunInfo | undefined> {
    try {
      const text = await Deno.readTextFile(join(this.site.dataDir, "run.json"));
      const info = JSON.parse(text) as RunInfo;
      return info.pid === this.pid ? info : undefined;
    } catch {
      // Not there yet.
      return undefined;
    }
  }

  /** Asks a path of the gateway; status 0 when nothing listens. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    try {
      const response = await fetch(new URL(path, this.site.url), {
        signal: AbortSignal.timeout(2_000),
        headers: { authorization: `Bearer ${this.site.key}` },
      });
      return { status: response.status, body: await response.text() };
    } catch {
      return { status: 0, body: "" };
    }
  }
}
