import { topicTable } from "../../../schema/topics.ts";
import { testLogContract } from "../log_contract.ts";
import { KafkaLog } from "./kafka_log.ts";
import { freshTarget, noKafka } from "./testing/kafka_world.ts";
import { createTopics, deleteTopics } from "./topic_admin.ts";

const topics = topicTable();
const DAY_MS = 86_400_000;

testLogContract(
  "KafkaLog",
  async () => {
    const target = freshTarget();
    await createTopics(target, { topics, replication: 1 });
    let offsetMs = 0;
    const open = () => new KafkaLog(target, { topics, now: () => Date.now() + offsetMs });
    let log = open();
    return {
      log,
      reopen: async () => {
        await log.close();
        return log = open();
      },
      expire: async () => {
        offsetMs += 8 * DAY_MS;
        await log.trim("player.events.raw", 0, 0);
      },
      dispose: async () => {
        await log.close();
        await deleteTopics(target);
      },
    };
  },
  noKafka,
);
