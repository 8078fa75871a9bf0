/**
 * Where the store of drills 7 and 8 runs: embedded, beside a log of files, or as a real server, beside a
 * real broker.
 *
 * @module
 */
import { join } from "node:path";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../../supervisor/store/embedded_postgres.ts";
import { OwnServers } from "../servers/own_servers.ts";

/** A PostgreSQL that a drill may stop and start again on its old data. */
export interface StorePlace {
  readonly url: string;
  /** Of the postmaster that runs now. */
  readonly pid: number;
  /** What a platform is given to use it. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
  startAgain(): Promise<void>;
  /** Stops all that belongs to it. */
  clear(): Promise<void>;
}

/** The embedded server in a folder of its own. */
class EmbeddedPlace implements StorePlace {
  #isRunning = true;

  private constructor(readonly dataDir: string, private server: EmbeddedPostgres) {}

  static async open(dir: string): Promise<EmbeddedPlace> {
    const dataDir = join(dir, "store");
    await Deno.mkdir(dataDir);
    return new EmbeddedPlace(dataDir, await startEmbeddedPostgres({ dataDir }));
  }

  get url(): string {
    return this.server.url;
  }

  get pid(): number {
    return this.server.pid;
  }

  get env(): Readonly<Record<string, string>> {
    return { STORE_URL: this.url };
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.server.stop();
  }

  async startAgain(): Promise<void> {
    this.server = await startEmbeddedPostgres({ dataDir: this.dataDir });
    this.#isRunning = true;
  }

  async clear(): Promise<void> {
    if (this.#isRunning) await this.stop();
  }
}

/** A server of the distribution, and a broker for the log. */
class RealPlace implements StorePlace {
  private constructor(
    readonly servers: OwnServers,
    readonly url: string,
    readonly env: Readonly<Record<string, string>>,
    public pid: number,
  ) {}

  static async open(dir: string): Promise<RealPlace> {
    const servers = await OwnServers.start(join(dir, "servers"), ["kafka", "postgres"]);
    const { LOG_URL, STORE_URL } = await servers.variables();
    const env = { LOG_URL: LOG_URL!, STORE_URL: STORE_URL! };
    return new RealPlace(servers, STORE_URL!, env, await postmaster(servers));
  }

  stop(): Promise<void> {
    return this.servers.stop("postgres");
  }

  async startAgain(): Promise<void> {
    await this.servers.startAgain("postgres");
    this.pid = await postmaster(this.servers);
  }

  clear(): Promise<void> {
    return this.servers.clear();
  }
}

async function postmaster(servers: OwnServers): Promise<number> {
  return (await servers.pids("postgres"))[0]!;
}

export const openEmbeddedPlace: (dir: string) => Promise<StorePlace> = EmbeddedPlace.open;
export const openRealPlace: (dir: string) => Promise<StorePlace> = RealPlace.open;
