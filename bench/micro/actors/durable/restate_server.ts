/**
 * Restate's server: its program from npm, fetched when it is wanted and kept in Deno's cache, as its
 * 216 MB are of no use to anybody else; and a process of it on loopback, with the defaults it is
 * delivered with, which sync its log to disk.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { freePort } from "../../../drills/platform/site.ts";

export const restateVersion = "1.7.12";
const startMsMax = 60_000;
const pollMs = 25;

/** Installs the program into `dir`. @returns its path @throws {Error} npm has none for this machine */
async function install(dir: string): Promise<string> {
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  const manifest = { dependencies: { [name]: restateVersion } };
  await Deno.writeTextFile(join(dir, "package.json"), JSON.stringify(manifest));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install"],
    cwd: dir,
    stdin: "null",
  }).output();
  if (!success) throw new Error(`Cannot install ${name}: ${new TextDecoder().decode(stderr)}`);
  return join(dir, "node_modules", name, "bin", "restate-server");
}

/** A server with the counter deployed. */
export class RestateServer {
  readonly #children: Deno.ChildProcess[] = [];
  readonly #ports = {
    node: freePort(),
    ingress: freePort(),
    admin: freePort(),
    service: freePort(),
  };

  readonly #onUnload = () => this.#kill();

  /** Whoever interrupts a bench must not be left with the processes. */
  private constructor() {
    addEventListener("unload", this.#onUnload);
  }

  /** Where objects are called. */
  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#ports.ingress}`);
  }

  /** @param dir an empty folder of its own */
  static async start(dir: string): Promise<RestateServer> {
    const server = new RestateServer();
    try {
      await server.#start(dir);
      return server;
    } catch (cause) {
      await server.stop();
      throw cause;
    }
  }

  async #start(dir: string): Promise<void> {
    const { node, ingress, admin, service } = this.#ports;
    const program = await install(dir);
    const config = join(dir, "restate.toml");
    await Deno.writeTextFile(
      config,
      [
        `listen-mode = "tcp"`,
        `bind-ip = "127.0.0.1"`,
        `advertised-host = "127.0.0.1"`,
        `bind-port = ${node}`,
        `disable-telemetry = true`,
        `[ingress]\nbind-port = ${ingress}`,
        `[admin]\nbind-port = ${admin}`,
      ].join("\n"),
    );
    this.#spawn(program, ["-c", config, "--base-dir", join(dir, "data"), "--no-logo"]);
    const own = fileURLToPath(new URL("restate_service.ts", import.meta.url));
    this.#spawn(Deno.execPath(), ["run", "-A", own, String(service)]);
    await this.#until("it is there", `http://127.0.0.1:${admin}/health`);
    // It asks the service what it offers, so it fails until that one listens.
    await this.#until("the counter is deployed", `http://127.0.0.1:${admin}/deployments`, {
      uri: `http://127.0.0.1:${service}`,
    });
    await this.#until("the counter answers", `${this.url}counter/nobody/read`, null);
  }

  #spawn(program: string, args: string[]): void {
    const child = new Deno.Command(program, {
      args,
      env: { DO_NOT_TRACK: "1", NODE_ENV: "production" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#children.push(child);
  }

  /** @param body posted as JSON; `null`: nothing. @default asked with GET */
  async #until(what: string, url: string, body?: unknown): Promise<void> {
    const deadline = performance.now() + startMsMax;
    for (let said = "no answer";;) {
      try {
        const response = await fetch(url, {
          method: body === undefined ? "GET" : "POST",
          ...(body ? { body: JSON.stringify(body) } : {}),
          headers: body ? { "content-type": "application/json" } : {},
          signal: AbortSignal.timeout(5_000),
        });
        const text = await response.text();
        if (response.ok) return;
        said = `${response.status} ${text}`;
      } catch (cause) {
        said = String(cause);
      }
      if (performance.now() > deadline) {
        throw new Error(`Waited in vain for Restate until ${what}: ${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** Ends server and service. */
  async stop(): Promise<void> {
    removeEventListener("unload", this.#onUnload);
    this.#kill();
    await Promise.all(this.#children.map((child) => child.status));
  }

  #kill(): void {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }
}
