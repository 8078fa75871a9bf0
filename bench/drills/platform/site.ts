/**
 * A place where the platform lives: a data folder, ports and keys of its own, on which one platform
 * process after the other can be started and killed. Whatever happens, {@link Site.clear} leaves
 * neither process nor file.
 *
 * @module
 */
import { join } from "node:path";
import { readPostmasterFile } from "../../../supervisor/store/embedded/postmaster.ts";
import { isPostmasterOf } from "../../../supervisor/store/embedded/postmaster.ts";
import type { Target } from "../../load/client/transport.ts";
import { PlatformProcess, type StartOptions } from "./platform_process.ts";
import { killFamily } from "./process_tree.ts";

/** How a site is set up. */
export interface SiteOptions {
  /** Variables for every platform of the site. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its port of the gateway is; for a site that is one of several. @default a free one */
  readonly port?: number;
  /** Where it is reached. @default "127.0.0.1" */
  readonly host?: string;
  /** What its program is started by: another program, which makes way for it. @default nothing */
  readonly runner?: readonly string[];
}

const sites = new Set<Site>();

/** Clears every site that is still there. */
export async function clearAllSites(): Promise<void> {
  await Promise.all([...sites].map((site) => site.clear()));
}

/** A loopback port that is free now. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

export class Site {
  readonly port: number;
  readonly adminPort: number = freePort();
  readonly key = "gm_demo_drill";
  readonly adminToken = "gm_admin_drill";
  readonly host: string;
  readonly runner: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #running: PlatformProcess | undefined;

  /** @param dataDir is made, and removed by {@link clear} */
  constructor(readonly dataDir: string, options: SiteOptions = {}) {
    this.port = options.port ?? freePort();
    this.host = options.host ?? "127.0.0.1";
    this.runner = options.runner ?? [];
    this.#env = options.env ?? {};
    sites.add(this);
  }

  get url(): string {
    return `http://${this.host}:${this.port}`;
  }

  get adminUrl(): string {
    return `http://${this.host}:${this.adminPort}`;
  }

  /** Where and as whom clients connect. */
  get target(): Target {
    return { url: new URL(this.url), key: this.key };
  }

  /** The environment of a platform here. */
  get env(): Readonly<Record<string, string>> {
    return {
      PORT: String(this.port),
      ADMIN_PORT: String(this.adminPort),
      DEMO_KEY: this.key,
      ADMIN_TOKEN: this.adminToken,
      DATA_DIR: this.dataDir,
      LOG_LEVEL: "info",
      ...this.#env,
    };
  }

  /** Starts the platform; does not wait. The one before must have ended. */
  start(options: StartOptions = {}): PlatformProcess {
    this.#running = PlatformProcess.spawn(this, options);
    return this.#running;
  }

  /** Where the embedded PostgreSQL keeps its database; `undefined` before it has a place. */
  async #databaseFolder(): Promise<string | undefined> {
    const inside = join(this.dataDir, "postgres");
    const pointed = await Deno.readTextFile(`${inside}.path`).catch(() => "");
    const home = pointed.trim() || await Deno.realPath(inside).catch(() => undefined);
    return home === undefined ? undefined : join(home, "data");
  }

  /** Process id of the embedded PostgreSQL, if one runs here. */
  async postmasterPid(): Promise<number | undefined> {
    const folder = await this.#databaseFolder();
    const file = folder === undefined ? undefined : await readPostmasterFile(folder);
    if (file === undefined) return undefined;
    return await isPostmasterOf(file.pid, folder!) ? file.pid : undefined;
  }

  /** The processes that make up the platform: its own and the embedded PostgreSQL's. */
  async roots(): Promise<number[]> {
    const own = this.#running?.isRunning ? [this.#running.pid] : [];
    const postmaster = await this.postmasterPid();
    return postmaster === undefined ? own : [...own, postmaster];
  }

  /**
   * Kills the platform, its PostgreSQL and all their children at one moment.
   *
   * @returns how many processes
   */
  async killAll(): Promise<number> {
    const killed = await killFamily(await this.roots());
    await this.#running?.exited;
    return killed;
  }

  /** Kills what runs here and removes the data. */
  async clear(): Promise<void> {
    if (!sites.delete(this)) return;
    await this.killAll();
    const folder = await this.#databaseFolder();
    for (const path of [folder === undefined ? undefined : join(folder, ".."), this.dataDir]) {
      if (path !== undefined) await Deno.remove(path, { recursive: true }).catch(() => {});
    }
  }
}
