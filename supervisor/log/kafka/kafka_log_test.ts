import { serviceUrl } from "../../testing/services.ts";
import { topicTable } from "../../../schema/topics.ts";
import { testLogContract } from "../log_contract.ts";
import { KafkaLog, kafkaTarget } from "./kafka_log.ts";
import { createTopics, deleteTopics } from "./topic_admin.ts";

const url = serviceUrl("LOG_URL");
const topics = topicTable();
const DAY_MS = 86_400_000;

testLogContract(
  "KafkaLog",
  async () => {
    const target = { ...kafkaTarget(url!), prefix: `t-${crypto.randomUUID().slice(0, 8)}.` };
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
  url === undefined,
);
