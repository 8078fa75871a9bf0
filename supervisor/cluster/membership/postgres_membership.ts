/**
 * Membership over the shared PostgreSQL. Times are the server's, so that no two clocks are compared.
 *
 * @module
 */
import postgres from "postgres";
import type { Role } from "../../../schema/config.ts";
import { PlatformError, Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { SqlPool } from "../../store/sql_pool.ts";
import type { Beat, ClusterNode, ClusterView, Membership } from "./membership.ts";

type NodeJson = Omit<ClusterNode, "roles"> & { readonly roles: string };

export class PostgresMembership implements Membership {
  /** One connection of its own: a sign of life waits behind nothing. */
  readonly #pool: SqlPool;
  /** The server's time, milliseconds, and when by our monotonic clock it was asked for. */
  #told: { readonly serverMs: number; readonly askedAt: number } | undefined;

  /** @param url of a prepared database; see `prepareDatabase` */
  constructor(url: string) {
    const settings = {
      application_name: "gamemetrics-cluster",
      statement_timeout: String(limits.nodeBeatTimeoutMs),
      transaction_timeout: String(limits.nodeBeatTimeoutMs),
    };
    this.#pool = new SqlPool({ url, connections: 1, settings });
  }

  async beat(beat: Beat): Promise<ClusterView | undefined> {
    const { nodeId, life, startedMs, url, workers, isLeaving, leaseMs } = beat;
    const roles = beat.roles.join(",");
    const wants = JSON.stringify(beat.wants);
    interface Row {
      accepted: boolean | null;
      nodes: string;
      shards: string;
      told_ms: number;
    }
    const askedAt = performance.now();
    // The answer is younger than its question: so this is never before now, by the server's clock.
    const sentMs = this.#told === undefined
      ? null
      : this.#told.serverMs + askedAt - this.#told.askedAt;
    const [row] = await this.#run((sql) =>
      sql<Row[]>`select * from node_beat(
        ${nodeId}, ${life}, ${startedMs}, ${url}, ${roles}, ${workers}, ${isLeaving}, ${wants},
        ${leaseMs}, ${sentMs})`
    );
    this.#told = { serverMs: row!.told_ms, askedAt };
    if (row!.accepted === null) {
      // It was held up, or the server's clock was set: the next one knows the time.
      throw new Unavailable("store", "The sign of life came too late to renew the lease");
    }
    if (!row!.accepted) return undefined;
    const nodes = (JSON.parse(row!.nodes) as NodeJson[])
      .map((node) => ({ ...node, roles: node.roles.split(",") as Role[] }));
    return { nodes, shards: JSON.parse(row!.shards) };
  }

  async leave(life: string): Promise<void> {
    await this.#run((sql) => sql`delete from node where life = ${life}`);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #run<T>(statement: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    try {
      return await this.#pool.run(limits.nodeBeatTimeoutMs, statement);
    } catch (error) {
      // Whether it happened or not, the next one makes up for it.
      if (error instanceof PlatformError || error instanceof postgres.PostgresError) {
        throw new Unavailable("store", error.message, { cause: error });
      }
      throw error;
    }
  }
}
