/**
 * What is made inside of a running Kafka, and how it is asked.
 *
 * @module
 */
import {
  AclOperations,
  AclPermissionTypes,
  Admin,
  type BaseOptions,
  ResourcePatternTypes,
  ResourceTypes,
} from "@platformatic/kafka";
import { parseKafkaUrl } from "../../../schema/kafka/kafka_url.ts";
import type { AccessRule } from "./access.ts";
import { saslMechanism } from "./properties.ts";
import type { TopicSpec } from "./topic_specs.ts";

const timeoutMs = 10_000;

/** How a client reaches the Kafka of a `kafka://` URL. */
export async function clientOptions(url: string): Promise<BaseOptions> {
  const target = parseKafkaUrl(url);
  if (typeof target === "string") throw new TypeError(`Cannot use LOG_URL: expected ${target}`);
  const { user, tls } = target;
  return {
    clientId: "gamemetrics-services",
    bootstrapBrokers: target.brokers.map(({ host, port }) => ({ host, port })),
    connectTimeout: 2_000,
    requestTimeout: timeoutMs,
    timeout: timeoutMs,
    retries: 0,
    ...(user === undefined ? {} : {
      sasl: { mechanism: saslMechanism, username: user.name, password: user.password },
    }),
    ...(tls === undefined ? {} : {
      tls: tls.caFile === undefined ? {} : { ca: await Deno.readTextFile(tls.caFile) },
    }),
  };
}

/** Runs `body` with an administrator's client of a `kafka://` URL. */
export async function withAdmin<T>(url: string, body: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin(await clientOptions(url));
  try {
    return await body(admin);
  } finally {
    await admin.close();
  }
}

/** Rejects unless all brokers of the URL are in the cluster and every partition has a leader. */
export async function askKafka(url: string): Promise<void> {
  await withAdmin(url, async (admin) => {
    const topics = await admin.listTopics();
    const metadata = await admin.metadata({ topics, forceUpdate: true });
    const target = parseKafkaUrl(url);
    const expected = typeof target === "string" ? 0 : target.brokers.length;
    if (metadata.brokers.size < expected) {
      throw new Error(`Kafka has ${metadata.brokers.size} of ${expected} brokers`);
    }
    for (const [name, { partitions }] of metadata.topics) {
      const orphan = partitions.findIndex(({ leader }) => leader < 0);
      if (orphan >= 0) throw new Error(`Kafka has no leader for ${name}, partition ${orphan}`);
    }
  });
}

/**
 * Creates the topics that are not there.
 *
 * @throws {Error} one is there with another number of partitions
 */
export async function createTopics(url: string, specs: readonly TopicSpec[]): Promise<void> {
  await withAdmin(url, async (admin) => {
    const known = new Set(await admin.listTopics());
    for (const { name, partitions, replicas, settings } of specs) {
      if (known.has(name)) continue;
      const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
      await admin.createTopics({ topics: [name], partitions, replicas, configs });
    }
    const present = specs.filter(({ name }) => known.has(name));
    if (present.length === 0) return;
    const { topics } = await admin.metadata({ topics: present.map(({ name }) => name) });
    for (const { name, partitions } of present) {
      const count = topics.get(name)?.partitionsCount;
      if (count === partitions) continue;
      throw new Error(
        `Topic ${name} has ${count} partitions, expected ${partitions}: they are fixed for the ` +
          `life of a deployment; 'down kafka --wipe' begins anew`,
      );
    }
  });
}

/** Lets the users do what the rules say. Rules that are there already stay as they are. */
export async function createAccess(url: string, rules: readonly AccessRule[]): Promise<void> {
  await withAdmin(url, async (admin) => {
    await admin.createAcls({
      creations: rules.map(({ user, type, name, pattern, operation }) => ({
        resourceType: ResourceTypes[type],
        resourceName: name,
        resourcePatternType: ResourcePatternTypes[pattern],
        principal: `User:${user}`,
        host: "*",
        operation: AclOperations[operation],
        permissionType: AclPermissionTypes.ALLOW,
      })),
    });
  });
}
