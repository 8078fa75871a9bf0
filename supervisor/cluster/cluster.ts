/**
 * All that makes a node one of several: its membership, the links to the others, the port that it serves
 * them on, and the directory of shards.
 *
 * @module
 */
import type { ClusterTls, Role } from "../../schema/config.ts";
import { Terminal } from "../../schema/errors.ts";
import type { Logger } from "../observability/logger.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import type { PartHealth } from "../platform.ts";
import { aborted, type Clock } from "../shard/clock.ts";
import type { ChildSpec } from "../tree/child.ts";
import { permanentChild } from "../tree/run_child.ts";
import type { WatchHub } from "../worker/watch_hub.ts";
import type { ShardId } from "../worker/worker_protocol.ts";
import { ClusterShards } from "./cluster_shards.ts";
import { Member, type OwnShards } from "./member.ts";
import type { Membership } from "./membership/membership.ts";
import { clusterListener } from "./peers/cluster_listener.ts";
import { LinkServer } from "./peers/link_server.ts";
import { Peers } from "./peers/peers.ts";
import type { ShardRouter } from "./shard_router.ts";

/** The shards of this node: its worker pool. */
export interface NodeShards extends OwnShards, ShardRouter {
  readonly watches: WatchHub;
}

export interface ClusterOptions {
  readonly nodeId: string;
  /** See {@link lifeOf}. */
  readonly life: string;
  readonly roles: readonly Role[];
  readonly workers: number;
  /** `ADVERTISED_URL`; `undefined`: this node is to be the only one. */
  readonly url: string | undefined;
  /** `CLUSTER_TOKEN` */
  readonly token: string | undefined;
  readonly port: number;
  readonly tls: ClusterTls | undefined;
  readonly shards: NodeShards;
  /** Every shard of every stage, of whichever node. */
  readonly allShards: readonly ShardId[];
  /** Waits until the store can be asked. */
  readonly membership: (signal: AbortSignal) => Promise<Membership>;
  readonly clock: Clock;
  readonly metrics: MetricsSink;
  readonly log: Logger;
}

/** A name for one life of a node. */
export function lifeOf(nodeId: string): string {
  return `${nodeId}#${crypto.randomUUID().slice(0, 8)}`;
}

/** A sign of life may be under way as the node ends. */
const shutdownMs = 5_000;
/** Beyond `limits.leaveMsMax`. */
const handOverMs = 20_000;

function readPem(variable: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const message = `Cannot read the file that ${variable} names: ${(cause as Error).message}`;
    throw new Terminal("cluster_tls_unreadable", message, { cause });
  }
}

export class Cluster {
  readonly member: Member;
  readonly peers: Peers;
  readonly shards: ClusterShards;
  readonly #server: LinkServer;
  readonly #tls: { readonly cert: string; readonly key: string } | undefined;
  readonly #refused = Promise.withResolvers<Terminal>();

  /** @throws {Terminal} `cluster_tls_unreadable` */
  constructor(readonly options: ClusterOptions) {
    const { life, clock, metrics, log, token = "", tls } = options;
    const { shards: own } = options;
    this.#tls = tls?.cert === undefined ? undefined : {
      cert: readPem("CLUSTER_TLS_CERT", tls.cert),
      key: readPem("CLUSTER_TLS_KEY", tls.key!),
    };
    const caCerts = tls?.ca === undefined ? [] : [readPem("CLUSTER_TLS_CA", tls.ca)];
    this.peers = new Peers({ life, token, caCerts, ownWatches: own.watches, clock, log });
    const ofOurStages = new Set<string>(options.roles);
    this.member = new Member({
      ...options,
      url: options.url ?? null,
      shards: options.allShards.filter(({ stage }) => ofOurStages.has(stage)),
      own,
      onView: (view) => this.peers.see(view),
      nudge: () => this.peers.notify("nudge", undefined),
    });
    const { member, peers } = this;
    this.shards = new ClusterShards({
      own,
      allShards: options.allShards,
      member,
      peers,
      clock,
      metrics,
    });
    this.#server = new LinkServer({
      life,
      token,
      shards: own,
      hasLease: () => member.hasLease,
      onNudge: () => member.look(),
    });
  }

  /** Watches over the whole cluster. */
  get watches(): WatchHub {
    return this.peers.watches;
  }

  /** Resolves when this node can never be a member as it is configured. */
  get refused(): Promise<Terminal> {
    return this.#refused.promise;
  }

  health(): PartHealth {
    return this.member.health();
  }

  /** Before the workers: the lease ends after they have let go of everything. */
  specs(): ChildSpec[] {
    const { url, port } = this.options;
    const lease = permanentChild("lease", shutdownMs, (stop) => this.#run(stop));
    if (url === undefined) return [lease];
    return [lease, clusterListener({ port, tls: this.#tls, server: this.#server })];
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.member.run(signal);
    } catch (error) {
      if (error instanceof Terminal) {
        this.options.log.error(error.message, { code: error.code });
        this.#refused.resolve(error);
      }
      throw error;
    } finally {
      this.peers.close();
    }
  }

  /** After the workers: as it stops, the shards go to other nodes one by one, while all is still up. */
  handOverSpec(): ChildSpec {
    return permanentChild("hand_over", handOverMs, async (stop) => {
      await aborted(stop);
      await this.member.handOver();
    });
  }
}
