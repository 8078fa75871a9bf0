/**
 * One event a POST over kept-alive connections, as fast as they are answered: by `wrk` where it is
 * installed, which costs the machine least, else by our own client.
 *
 * @module
 */
import { join } from "node:path";
import { HttpConnection } from "../../load/client/http_connection.ts";
import { Histogram } from "../../load/client/histogram.ts";

export interface Figures {
  readonly generator: "wrk" | "own";
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 202, and requests without one. */
  readonly failed: number;
}

export interface PostOptions {
  readonly url: string;
  readonly key: string;
  /** A file with an authority to trust; wrk trusts anybody. */
  readonly ca?: string | undefined;
  readonly connections: number;
  readonly seconds: number;
  /** For wrk's script; exists. */
  readonly folder: string;
}

/** Players that events are spread over. */
const players = 1_000;

/** A valid event, a player's own. */
export function eventOf(player: number): string {
  return JSON.stringify({
    event_type: "custom",
    user_id: `player-${player}`,
    game_id: "edge",
    properties: { level: player % 50, score: player * 10, mode: "ranked" },
  });
}

/** wrk's script: as many requests, made once, each in its turn. Each answer but 202 counts as failed. */
export function wrkScript(key: string): string {
  const bodies = Array.from({ length: players }, (_, player) => `[=[${eventOf(player)}]=]`);
  return `wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer ${key}"
wrk.headers["Content-Type"] = "application/json"
local bodies = {${bodies.join(",\n")}}
local requests, at = {}, 0
init = function()
  for i, body in ipairs(bodies) do requests[i] = wrk.format(nil, "/api/v1/events", nil, body) end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("figures %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), failed))
end
`;
}

/** Reads the line that the script writes. @throws {Error} it is not there */
export function wrkFigures(output: string): Figures {
  const line = /^figures (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(output);
  if (line === null) throw new Error(`Cannot read what wrk says: ${output.slice(-500)}`);
  const [requests, micros, p50, p99, failed] = line.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    generator: "wrk",
    requestsPerSecond: requests / (micros / 1e6),
    p50Ms: p50 / 1000,
    p99Ms: p99 / 1000,
    failed,
  };
}

/** Whether wrk can be run. */
export async function hasWrk(): Promise<boolean> {
  try {
    await new Deno.Command("wrk", { args: ["-v"], stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

export async function byWrk(options: PostOptions): Promise<Figures> {
  const script = join(options.folder, "post.lua");
  await Deno.writeTextFile(script, wrkScript(options.key));
  const { connections, seconds, url } = options;
  const { stdout, stderr } = await new Deno.Command("wrk", {
    args: ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url],
  }).output();
  const decoder = new TextDecoder();
  return wrkFigures(decoder.decode(stdout) + decoder.decode(stderr));
}

/** Our own client. */
export async function byOwn(options: PostOptions): Promise<Figures> {
  const { url, key, connections, seconds } = options;
  const trusted = options.ca === undefined ? {} : { ca: await Deno.readTextFile(options.ca) };
  const taken = new Histogram();
  let [sent, failed] = [0, 0];
  const startedAt = performance.now();
  const one = async () => {
    const connection = new HttpConnection({ url: new URL(url), key, ...trusted });
    while (performance.now() - startedAt < seconds * 1000) {
      const sentAt = performance.now();
      try {
        const { status } = await connection.send(eventOf(sent++ % players));
        taken.record(performance.now() - sentAt);
        if (status !== 202) failed++;
      } catch {
        failed++;
      }
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, one));
  const requestsPerSecond = taken.count / ((performance.now() - startedAt) / 1000);
  const [p50Ms, p99Ms] = [taken.quantile(0.5), taken.quantile(0.99)];
  return { generator: "own", requestsPerSecond, p50Ms, p99Ms, failed };
}
