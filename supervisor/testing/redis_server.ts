/**
 * A Redis server of a test's own, to be stopped, frozen and started again.
 *
 * @module
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Path of `redis-server`; `undefined` when the machine has none. */
export function redisServerProgram(): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter).concat("/usr/bin");
  return folders.map((folder) => join(folder, "redis-server")).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface RedisServerOptions {
  /** @default a free one */
  readonly port?: number;
  /** A cluster of one node that has all slots. @default false */
  readonly cluster?: boolean;
  /** @default none */
  readonly password?: string;
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Sends a signal: `SIGSTOP` freezes it, `SIGCONT` lets it go on. */
  signal(signal: Deno.Signal): void;
  /** Ends it at once; what it held is gone. */
  stop(): Promise<void>;
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

const startMsMax = 10_000;

/** Says one command in plain text. @returns the first bytes of the answer */
async function say(port: number, command: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await connection.write(new TextEncoder().encode(`${command}\r\n`));
    const bytes = new Uint8Array(16_384);
    const read = await connection.read(bytes);
    return new TextDecoder().decode(bytes.subarray(0, read ?? 0));
  } finally {
    connection.close();
  }
}

/** Waits until `command` is answered as `expected`. */
async function answers(port: number, command: string, expected: RegExp): Promise<void> {
  const deadline = performance.now() + startMsMax;
  for (;;) {
    const answer = await say(port, command).catch(String);
    if (expected.test(answer)) return;
    if (performance.now() > deadline) throw new Error(`Redis has not come: ${command}: ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Starts a server in memory alone, on loopback.
 *
 * @throws {Error} there is no `redis-server`, or it does not come
 */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const program = redisServerProgram();
  if (program === undefined) throw new Error("Cannot start Redis: redis-server is not on the PATH");
  const { port = freePort(), cluster = false, password } = options;
  const dir = await Deno.makeTempDir({ prefix: "gamemetrics-redis-" });
  const settings = {
    port,
    dir,
    bind: "127.0.0.1",
    save: "",
    appendonly: "no",
    daemonize: "no",
    loglevel: "warning",
    ...(password === undefined ? {} : { requirepass: password }),
    ...(cluster
      ? {
        "cluster-enabled": "yes",
        "cluster-port": freePort(),
        // A node that has never met another does not know its own address.
        "cluster-announce-ip": "127.0.0.1",
      }
      : {}),
  };
  const child = new Deno.Command(program, {
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await child.status;
    await Deno.remove(dir, { recursive: true }).catch(() => {});
  };
  try {
    await answers(port, "PING", /^(\+PONG|-NOAUTH)/);
    if (cluster) {
      await say(port, "CLUSTER ADDSLOTSRANGE 0 16383");
      await answers(port, "CLUSTER INFO", /cluster_state:ok/);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const secret = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  const url = `redis://${secret}127.0.0.1:${port}${cluster ? "/?cluster=1" : ""}`;
  return { port, url, pid: child.pid, signal: (name) => child.kill(name), stop };
}
