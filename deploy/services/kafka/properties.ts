/**
 * `server.properties` of a broker that is its own controller (KRaft).
 *
 * @module
 */
import { serverName } from "../certificates.ts";

export interface BrokerPlan {
  /** From 1. */
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly dataFolder: string;
  /** Controller ports of all brokers, the first broker's first. */
  readonly controllerPorts: readonly number[];
  /** TLS and SASL/SCRAM for clients, TLS with certificates on both sides among controllers. */
  readonly security?: {
    /** PEM: key and certificate. */
    readonly bundle: string;
    /** PEM. */
    readonly ca: string;
    /** Whom the brokers sign in as with each other; may do everything. */
    readonly admin: string;
    readonly password: string;
  } | undefined;
}

export type Properties = Readonly<Record<string, string | number | boolean>>;

export const saslMechanism = "SCRAM-SHA-512";

/** Replicas a record is kept on, and how many must have it before it counts as written. */
export function replication(brokers: number): { replicas: number; minInSync: number } {
  return brokers >= 3 ? { replicas: 3, minInSync: 2 } : { replicas: 1, minInSync: 1 };
}

/** The settings of one broker, for a small machine. */
export function brokerProperties(plan: BrokerPlan): Properties {
  const { nodeId, host, port, controllerPorts } = plan;
  const { replicas, minInSync } = replication(controllerPorts.length);
  return {
    "process.roles": "broker,controller",
    "node.id": nodeId,
    "controller.quorum.voters": controllerPorts
      .map((controllerPort, i) => `${i + 1}@${host}:${controllerPort}`).join(","),
    "listeners": `CLIENT://${host}:${port},CONTROLLER://${host}:${controllerPorts[nodeId - 1]}`,
    "advertised.listeners": `CLIENT://${host}:${port}`,
    "inter.broker.listener.name": "CLIENT",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": plan.dataFolder,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "num.partitions": 1,
    "auto.create.topics.enable": false,
    "default.replication.factor": replicas,
    "min.insync.replicas": minInSync,
    "unclean.leader.election.enable": false,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.num.partitions": 4,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": minInSync,
    "group.initial.rebalance.delay.ms": 0,
    // A client that wants a session shorter than the usual 6 s may have it.
    "group.min.session.timeout.ms": 1000,
    "group.consumer.min.session.timeout.ms": 1000,
    "group.consumer.min.heartbeat.interval.ms": 200,
    // The default takes 128 MiB of the heap.
    "log.cleaner.dedupe.buffer.size": 16 * 2 ** 20,
    "log.segment.bytes": 128 * 2 ** 20,
    "log.index.size.max.bytes": 2 * 2 ** 20,
    "message.max.bytes": 2 * 2 ** 20,
    "replica.fetch.max.bytes": 2 * 2 ** 20,
    ...securityProperties(plan.security),
  };
}

function securityProperties(security: BrokerPlan["security"]): Properties {
  if (security === undefined) {
    return { "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT" };
  }
  const { bundle, ca, admin, password } = security;
  const login = "org.apache.kafka.common.security.scram.ScramLoginModule required";
  const clientLogin = `listener.name.client.${saslMechanism.toLowerCase()}.sasl.jaas.config`;
  return {
    "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:SSL",
    "sasl.enabled.mechanisms": saslMechanism,
    "sasl.mechanism.inter.broker.protocol": saslMechanism,
    [clientLogin]: `${login} username="${admin}" password="${password}";`,
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": bundle,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": ca,
    "listener.name.controller.ssl.client.auth": "required",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": false,
    "super.users": `User:${admin};User:CN=${serverName}`,
  };
}

/** The text of a Java properties file; `\` and line ends of values are escaped. */
export function propertiesText(properties: Properties): string {
  const escape = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${escape(String(value))}\n`).join("");
}
