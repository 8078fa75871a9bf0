/**
 * Whether the topics are set up so that nothing is lost and times are the log's.
 *
 * @module
 */
import { ConfigResourceTypes, describeConfigsV4 } from "@platformatic/kafka";
import { Terminal } from "../../../schema/errors.ts";
import { describeKafka } from "../../../schema/kafka/kafka_url.ts";
import { topicNames } from "../../../schema/topics.ts";
import type { Cluster } from "./cluster.ts";
import { errorCode } from "./error_codes.ts";

/** What a setting must be: another value costs events, or makes times another's. */
const required = { "cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime" };

/**
 * Checks the settings of all topics, as far as the user may see them.
 *
 * @throws {Unavailable} no broker answers
 * @throws {Terminal} `log_topics`: a topic is set up otherwise
 */
export async function checkSettings(cluster: Cluster): Promise<void> {
  const resources = topicNames.map((topic) => ({
    resourceType: ConfigResourceTypes.TOPIC,
    resourceName: cluster.nameOf(topic),
    configurationKeys: Object.keys(required),
  }));
  const { results } = await cluster.any((link) =>
    link.call((connection) => describeConfigsV4.api.async(connection, resources, false, false))
  );
  const faults: string[] = [];
  for (const { resourceName, errorCode: code, configs } of results) {
    if (code !== errorCode.none) continue;
    for (const [name, wanted] of Object.entries(required)) {
      const value = configs.find((config) => config.name === name)?.value ?? wanted;
      if (value !== wanted) {
        faults.push(`${resourceName} has ${name}=${value} instead of ${wanted}`);
      }
    }
  }
  if (faults.length === 0) return;
  const { target } = cluster.options;
  throw new Terminal(
    "log_topics",
    `Kafka at ${describeKafka(target)} has the topics set up otherwise: ${faults.join("; ")}`,
  );
}
