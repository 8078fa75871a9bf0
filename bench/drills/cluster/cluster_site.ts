/**
 * Several platforms over one Kafka, one PostgreSQL and one Redis, which are the drill's own; a site a
 * node. {@link ClusterSite.clear} leaves nothing of it.
 *
 * @module
 */
import { join } from "node:path";
import { freePort, Site, type SiteOptions } from "../platform/site.ts";
import { noServers, OwnServers, type ServersOptions } from "../servers/own_servers.ts";

const names = ["kafka", "postgres", "redis"] as const;

/** Why a cluster cannot be had here; `undefined` when it can. */
export function noCluster(): Promise<string | undefined> {
  return noServers(names);
}

/** A node's site, and the port on which other nodes reach it. */
export interface NodeSite {
  readonly nodeId: string;
  readonly site: Site;
  readonly clusterPort: number;
}

export class ClusterSite {
  readonly #sites: Site[] = [];

  private constructor(
    readonly dir: string,
    readonly servers: OwnServers,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async open(dir: string, options: ServersOptions = {}): Promise<ClusterSite> {
    const servers = await OwnServers.start(join(dir, "servers"), names, options);
    const { LOG_URL, STORE_URL, CACHE_URL } = await servers.variables();
    const env = { LOG_URL: LOG_URL!, STORE_URL: STORE_URL!, CACHE_URL: CACHE_URL! };
    return new ClusterSite(dir, servers, env);
  }

  /**
   * A place for a node; nothing runs there yet.
   *
   * @param address at which other nodes reach it. @default loopback
   */
  node(
    nodeId: string,
    { address = "127.0.0.1", env = {}, ...options }: SiteOptions & { address?: string } = {},
  ): NodeSite {
    const clusterPort = freePort();
    const site = new Site(join(this.dir, nodeId), {
      ...options,
      env: {
        NODE_ID: nodeId,
        ...this.env,
        CLUSTER_PORT: String(clusterPort),
        ADVERTISED_URL: `http://${address}:${clusterPort}`,
        CLUSTER_TOKEN: "gm_cluster_drill",
        WORKERS: "1",
        ...env,
      },
    });
    this.#sites.push(site);
    return { nodeId, site, clusterPort };
  }

  async clear(): Promise<void> {
    await Promise.all(this.#sites.map((site) => site.clear()));
    await this.servers.clear();
  }
}
