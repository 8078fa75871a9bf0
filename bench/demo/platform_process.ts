/**
 * The platform as a process of its own: started, waited for, stopped.
 *
 * @module
 */
import { join } from "node:path";
import type { RunInfo } from "../../supervisor/main.ts";
import { startArguments } from "../cli/start_command.ts";

export interface PlatformOptions {
  readonly dataDir: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take to become ready, milliseconds. @default 60,000 */
  readonly readyTimeoutMs?: number;
  /** The program. @default supervisor/main.ts */
  readonly program?: URL;
}

const pollMs = 50;
const logTailChars = 4000;

/** The platform did not become ready; the message has the end of its output. */
export class PlatformFailed extends Error {
  override readonly name = "PlatformFailed";
}

/** A running platform. */
export class PlatformProcess {
  private constructor(
    readonly info: RunInfo,
    /** Resolves with the exit code when the process has ended, wanted or not. */
    readonly exited: Promise<number>,
    readonly logPath: string,
    readonly kill: (signal: Deno.Signal) => void,
  ) {}

  /**
   * Starts the platform and waits until it is ready. Its output goes to `DATA_DIR/output.log`.
   *
   * @throws {PlatformFailed} it ended, or was not ready in time; with the end of its output
   */
  static async start(options: PlatformOptions): Promise<PlatformProcess> {
    const { dataDir, env = {}, readyTimeoutMs = 60_000 } = options;
    await Deno.mkdir(dataDir, { recursive: true });
    const logPath = join(dataDir, "output.log");
    const child = new Deno.Command(Deno.execPath(), {
      args: startArguments(options.program),
      env: { ...env, DATA_DIR: dataDir },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C is for the demo, which still needs the platform for its check.
      detached: true,
    }).spawn();
    const output = Promise.all([append(child.stdout, logPath), append(child.stderr, logPath)]);
    const exited = child.status.then(async ({ code }) => {
      await output;
      return code;
    });
    let exitCode: number | undefined;
    exited.then((code) => exitCode = code);
    const deadline = performance.now() + readyTimeoutMs;
    for (;;) {
      const info = await readRunInfo(dataDir, child.pid);
      if (info !== undefined && await isReady(info.url)) {
        return new PlatformProcess(info, exited, logPath, (signal) => child.kill(signal));
      }
      if (exitCode !== undefined || performance.now() > deadline) {
        const how = exitCode === undefined ? "was not ready in time" : `ended with ${exitCode}`;
        if (exitCode === undefined) child.kill("SIGKILL");
        await exited;
        throw new PlatformFailed(`The platform ${how}. Its last words:\n${await tailOf(logPath)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** The end of its output. */
  tail(): Promise<string> {
    return tailOf(this.logPath);
  }

  /**
   * Drains and stops the platform.
   *
   * @param timeoutMs after which it is killed. @default 20,000
   * @returns its exit code
   */
  async stop(timeoutMs = 20_000): Promise<number> {
    const killing = setTimeout(() => this.#signal("SIGKILL"), timeoutMs);
    this.#signal("SIGTERM");
    const code = await this.exited;
    clearTimeout(killing);
    return code;
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.kill(signal);
    } catch {
      // It has ended already.
    }
  }
}

async function append(stream: ReadableStream<Uint8Array>, path: string): Promise<void> {
  const file = await Deno.open(path, { create: true, append: true });
  await stream.pipeTo(file.writable);
}

/** What `pid` has written; a file of an earlier run does not count. */
async function readRunInfo(dataDir: string, pid: number): Promise<RunInfo | undefined> {
  try {
    const info = JSON.parse(await Deno.readTextFile(join(dataDir, "run.json"))) as RunInfo;
    return info.pid === pid ? info : undefined;
  } catch {
    return undefined;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL("/health/ready", url));
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function tailOf(path: string): Promise<string> {
  const text = await Deno.readTextFile(path).catch(() => "(none)");
  return text.slice(-logTailChars);
}
