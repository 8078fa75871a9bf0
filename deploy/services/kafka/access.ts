/**
 * Kafka's users and what each may do. Whatever is not here is refused.
 *
 * @module
 */
import { type TopicName, topicNames } from "../../../schema/topics.ts";

/** `platform` is a process with all roles; `admin` may do everything and needs no rule. */
export const kafkaUsers = ["platform", "gateway", "worker", "admin"] as const;
export type KafkaUser = (typeof kafkaUsers)[number];

export type Operation = "READ" | "WRITE" | "DELETE" | "DESCRIBE" | "DESCRIBE_CONFIGS";

/** One rule: a user may do one thing to one topic, or to all groups whose names begin so. */
export interface AccessRule {
  readonly user: KafkaUser;
  readonly type: "TOPIC" | "GROUP";
  readonly name: string;
  readonly pattern: "LITERAL" | "PREFIXED";
  readonly operation: Operation;
}

/** Consumer groups of the platform begin so. */
const groupPrefix = "gamemetrics";

/** The gateway appends what it accepted and what it rejected. */
const gatewayWrites: readonly TopicName[] = ["player.events.raw", "dlq.events"];

/** All rules. Kafka takes READ and WRITE for DESCRIBE, too. */
export function accessRules(): AccessRule[] {
  const topic = (user: KafkaUser, name: TopicName, operation: Operation): AccessRule => {
    return { user, type: "TOPIC", name, pattern: "LITERAL", operation };
  };
  const rules = gatewayWrites.map((name) => topic("gateway", name, "WRITE"));
  for (const name of topicNames) {
    // It asks every topic for its partitions, to be sure of their number.
    rules.push(topic("gateway", name, "DESCRIBE"), topic("gateway", name, "DESCRIBE_CONFIGS"));
    // A worker reads and emits; timers go to the raw topic, poison to the dead letters.
    for (const user of ["worker", "platform"] as const) {
      rules.push(topic(user, name, "READ"), topic(user, name, "WRITE"));
      // It deletes what is read and old enough.
      rules.push(topic(user, name, "DESCRIBE_CONFIGS"), topic(user, name, "DELETE"));
    }
  }
  for (const user of ["worker", "platform"] as const) {
    rules.push({ user, type: "GROUP", name: groupPrefix, pattern: "PREFIXED", operation: "READ" });
  }
  return rules;
}
