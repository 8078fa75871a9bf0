/**
 * The shapes that one event a POST is measured in, each a server of its own.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { startEdge } from "../../../deploy/edge/start_edge.ts";
import { freePort, Site } from "../../drills/platform/site.ts";

export const shapes = ["deno_serve", "guard_off", "guard_on", "haproxy"] as const;
export type Shape = typeof shapes[number];

export interface Contestant {
  readonly shape: Shape;
  /** Base URL. */
  readonly url: string;
  readonly key: string;
  /** A file with the authority to trust, PEM. */
  readonly ca?: string;
  /** The processes whose time it takes. */
  pids(): Promise<readonly number[]>;
  end(): Promise<void>;
}

const readyMsMax = 15_000;

/** `Deno.serve` and nothing else. */
async function bare(): Promise<Contestant> {
  const program = new URL("./bare.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program.pathname],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  return {
    shape: "deno_serve",
    url: `http://127.0.0.1:${Number(new TextDecoder().decode(value))}`,
    key: "none",
    pids: () => Promise.resolve([child.pid]),
    end: async () => {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

/** A platform of its own, on embedded defaults. */
async function platform(shape: Shape, folder: string): Promise<Contestant> {
  const env: Record<string, string> = shape === "haproxy"
    ? { GUARD: "off", TRUSTED_PROXIES: "127.0.0.1" }
    : { GUARD: shape === "guard_on" ? "on" : "off" };
  const site = new Site(`${folder}/${shape}`, { env });
  await site.start().ready();
  const alone = {
    shape,
    url: site.url,
    key: site.key,
    pids: () => site.roots(),
    end: () => site.clear(),
  };
  return shape === "haproxy" ? await behindHaproxy(alone, site.port, folder) : alone;
}

async function behindHaproxy(
  alone: Contestant,
  port: number,
  folder: string,
): Promise<Contestant> {
  const edge = await startEdge({
    folder,
    gateway: `127.0.0.1:${port}`,
    port: freePort(),
    statsPort: freePort(),
  });
  const end = async () => {
    await edge.stop();
    await alone.end();
  };
  // It must have seen that the gateway is ready.
  const deadline = performance.now() + readyMsMax;
  while (!await isUp(edge.url, edge.ca)) {
    if (performance.now() > deadline) {
      await end();
      throw new Error(`Cannot measure as haproxy does not serve: ${edge.output()}`);
    }
    await sleep(50);
  }
  const pids = async () => [...await alone.pids(), edge.pid];
  return { ...alone, url: edge.url, ca: edge.ca, pids, end };
}

async function isUp(url: string, ca: string): Promise<boolean> {
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(ca)] });
  const answer = await fetch(`${url}/health/ready`, { client });
  await answer.body?.cancel();
  return answer.ok;
}

/** Starts a server of this shape and waits until it serves. @param folder takes its files */
export async function startContestant(shape: Shape, folder: string): Promise<Contestant> {
  return shape === "deno_serve" ? await bare() : await platform(shape, folder);
}
