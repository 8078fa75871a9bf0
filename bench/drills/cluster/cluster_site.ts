/**
 * Several platforms over one Kafka and one PostgreSQL: topics and a database of their own, a site a
 * node. {@link ClusterSite.clear} leaves nothing of it.
 *
 * @module
 */
import { join } from "node:path";
import postgres from "postgres";
import { topicTable } from "../../../schema/topics.ts";
import { kafkaTarget } from "../../../supervisor/log/kafka/kafka_log.ts";
import { createTopics, deleteTopics } from "../../../supervisor/log/kafka/topic_admin.ts";
import { serviceUrl } from "../../../supervisor/testing/services.ts";
import { freePort, Site } from "../platform/site.ts";

/** Why a cluster cannot be had here; `undefined` when it can. */
export function noCluster(): string | undefined {
  const absent = (["LOG_URL", "STORE_URL"] as const).filter((name) => !serviceUrl(name));
  if (absent.length === 0) return undefined;
  return `skipped: ${absent.join(" and ")} of real servers, see 'services up kafka postgres'`;
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
    readonly logUrl: string,
    readonly storeUrl: string,
    readonly end: () => Promise<void>,
  ) {}

  static async open(dir: string): Promise<ClusterSite> {
    const name = `gm_drill_${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
    const rootUrl = serviceUrl("STORE_ADMIN_URL") ?? serviceUrl("STORE_URL")!;
    const asRoot = async (statement: string) => {
      const root = postgres(rootUrl, { max: 1, onnotice() {} });
      await root.unsafe(statement).finally(() => root.end());
    };
    await asRoot(`create database ${name}`);
    const storeUrl = new URL(rootUrl);
    storeUrl.pathname = `/${name}`;
    const logUrl = new URL(serviceUrl("LOG_URL")!);
    logUrl.searchParams.set("prefix", `${name}.`);
    const target = kafkaTarget(logUrl.href);
    await createTopics(target, { topics: topicTable(), replication: 1 });
    return new ClusterSite(dir, logUrl.href, storeUrl.href, async () => {
      await deleteTopics(target);
      await asRoot(`drop database if exists ${name} with (force)`);
    });
  }

  /** A place for a node; nothing runs there yet. */
  node(nodeId: string, env: Readonly<Record<string, string>> = {}): NodeSite {
    const clusterPort = freePort();
    const site = new Site(join(this.dir, nodeId), {
      env: {
        NODE_ID: nodeId,
        LOG_URL: this.logUrl,
        STORE_URL: this.storeUrl,
        CLUSTER_PORT: String(clusterPort),
        ADVERTISED_URL: `http://127.0.0.1:${clusterPort}`,
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
    await this.end();
  }
}
