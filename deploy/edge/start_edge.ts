/**
 * Starts haproxy with the configuration beside this file and a certificate of its own, for tests and
 * trials on one machine.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { certificatesOf } from "../services/certificates.ts";
import { findProgram, lookFor } from "../services/machine/packages.ts";
import type { Site } from "../services/service.ts";

export const configuration: string = fileURLToPath(new URL("./haproxy.cfg", import.meta.url));

const haproxyProgram = { name: "haproxy", folders: ["/usr/sbin"], packages: ["haproxy"] };

export interface EdgeOptions {
  /** Takes the certificate. */
  readonly folder: string;
  /** `host:port` of the gateway. */
  readonly gateway: string;
  /** Loopback ports: for clients, and for Prometheus. */
  readonly port: number;
  readonly statsPort: number;
  /** More variables of the configuration. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Another configuration. @default the one that is shipped */
  readonly file?: string;
  /** Tells a person what takes time. @default nobody */
  readonly progress?: (line: string) => void;
}

export interface Edge {
  readonly url: string;
  /** The certificate authority to trust, PEM. */
  readonly ca: string;
  readonly pid: number;
  readonly exited: Promise<Deno.CommandStatus>;
  /** What haproxy has said, the end of it. */
  output(): string;
  stop(): Promise<void>;
}

const readyMsMax = 15_000;
const outputCharsMax = 50_000;

function siteOf({ folder, progress = () => {} }: EdgeOptions): Site {
  return { folder, portOffset: 0, brokers: 1, secure: true, progress };
}

/** Whether haproxy is on this machine. */
export async function hasHaproxy(): Promise<boolean> {
  return await lookFor(haproxyProgram) !== undefined;
}

/** The variables of the configuration. */
async function environment(options: EdgeOptions): Promise<Record<string, string>> {
  const { bundle } = await certificatesOf(siteOf(options));
  return {
    EDGE_BIND: `127.0.0.1:${options.port}`,
    EDGE_CERT: bundle,
    EDGE_GATEWAY: options.gateway,
    EDGE_STATS: `127.0.0.1:${options.statsPort}`,
    // For trials, within the descriptors that a machine gives to anybody.
    EDGE_CONNECTIONS: "5000",
    ...options.env,
  };
}

/**
 * Lets haproxy look at the configuration; installs haproxy where it is missing and we may.
 *
 * @returns what it says: nothing, if all is well
 */
export async function checkEdge(options: EdgeOptions): Promise<string> {
  const program = await findProgram(siteOf(options), haproxyProgram);
  const { success, stderr } = await new Deno.Command(program, {
    args: ["-c", "-f", options.file ?? configuration],
    env: await environment(options),
    stdin: "null",
  }).output();
  const lines = new TextDecoder().decode(stderr).split("\n")
    .filter((line) => line !== "" && !line.startsWith("[NOTICE]"));
  return success && lines.length === 0 ? "" : lines.join("\n") || "haproxy refuses it";
}

/** Starts haproxy, and waits until it takes connections. @throws {Error} it does not */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const site = siteOf(options);
  const program = await findProgram(site, haproxyProgram);
  const { ca } = await certificatesOf(site);
  const child = new Deno.Command(program, {
    args: ["-db", "-f", options.file ?? configuration],
    env: await environment(options),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let output = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) {
      output = (output + decoder.decode(bytes, { stream: true })).slice(-outputCharsMax);
    }
  })();
  let ended = false;
  const exited = child.status.then((status) => {
    ended = true;
    return status;
  });
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await exited;
    await reading;
  };
  const deadline = performance.now() + readyMsMax;
  while (!await answers(options.port)) {
    if (ended || performance.now() > deadline) {
      await stop();
      throw new Error(`Cannot start haproxy: ${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const url = `https://127.0.0.1:${options.port}`;
  return { url, ca, pid: child.pid, exited, output: () => output, stop };
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
