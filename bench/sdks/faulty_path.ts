/**
 * A way to the gateway that fails: the first request to carry events is turned away, the second is
 * delivered and its answer lost, and so on, so that each SDK must send again what it sent.
 *
 * @module
 */

export interface FaultyPath {
  readonly url: string;
  /** Requests turned away undelivered. */
  readonly turnedAway: () => number;
  /** Requests delivered of whose answer the client saw nothing. */
  readonly lost: () => number;
  stop(): Promise<void>;
}

/** A node that is busy says so without a body; only that makes every SDK keep what it sent. */
const busy = () => new Response(null, { status: 503 });

/**
 * Of so many requests with events the first is turned away, and the answer of the second lost. What
 * GameAnalytics' SDK could not send at the end of a session waits in it for the next session, so that
 * its faults must all come before.
 */
const requestsPerFault = (name: string): number => name === "gameanalytics" ? 1000 : 4;

export function faultyPath(
  name: string,
  deliver: (request: Request) => Promise<Response>,
): FaultyPath {
  let requests = 0;
  let turnedAway = 0;
  let lost = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    // Asking for configuration sends no event, and is not tried again by all.
    if (/init|flags/.test(request.url)) return await deliver(request);
    const turn = requests++ % requestsPerFault(name);
    if (turn === 0) {
      turnedAway++;
      await request.body?.cancel();
      return busy();
    }
    const response = await deliver(request);
    if (turn !== 1) return response;
    lost++;
    await response.body?.cancel();
    return busy();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    turnedAway: () => turnedAway,
    lost: () => lost,
    stop: () => server.shutdown(),
  };
}

/** Delivers to the gateway at `url`, as the request came. */
export function forwardTo(url: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    const body = request.body === null ? null : await request.bytes();
    return await fetch(url + pathname + search, { method: request.method, headers, body });
  };
}

/**
 * Runs one SDK in a process of its own until it holds nothing any more.
 *
 * @param timeoutMs after which it is killed. @default 60,000
 * @throws {Error} it failed, or did not end in time; with what it wrote
 */
export async function runClient(
  args: readonly [name: string, url: string, key: string, user: string],
  timeoutMs = 60_000,
): Promise<void> {
  const program = new URL("./run_client.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const killing = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(killing);
  if (success) return;
  const text = new TextDecoder();
  throw new Error(`${args[0]} failed: ${text.decode(stdout)}${text.decode(stderr)}`);
}
