import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import { describeKafka } from "../../schema/kafka/kafka_url.ts";
import { topicTable } from "../../schema/topics.ts";
import { KafkaLog } from "../log/kafka/kafka_log.ts";
import { noKafka, withTopics } from "../log/kafka/testing/kafka_world.ts";
import { openLog } from "../log/log_access.ts";
import { logger } from "../observability/logger.ts";
import { systemClock } from "../shard/clock.ts";
import { Supervisor } from "../tree/supervisor.ts";
import { logPart } from "./log_part.ts";

const topics = topicTable();

/** Runs the part under a supervisor. */
async function withPart(
  logUrl: string,
  body: (part: ReturnType<typeof logPart>) => Promise<void>,
): Promise<void> {
  const clock = systemClock();
  const part = logPart({
    logUrl,
    dataDir: "",
    nodeId: "n1",
    topics,
    clock,
    clockOffsetMs: 0,
    onRestart: () => {},
  });
  const supervisor = Supervisor.root({
    id: "root",
    strategy: "one_for_one",
    children: [part.spec()],
    env: { clock, random: Math.random, log: logger("test"), onRestart: () => {} },
  });
  await supervisor.start();
  try {
    await body(part);
  } finally {
    await supervisor.stop();
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("KafkaLogPart starts without brokers, and says which it cannot reach", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await withPart(`kafka://u:hush@127.0.0.1:${port}`, async (part) => {
    const reason = () => {
      const health = part.health();
      return health.reason ?? "";
    };
    await until(() => reason().includes(`Cannot reach Kafka at 127.0.0.1:${port}`), "no reason");
    assert.doesNotMatch(reason(), /hush/);
    const record = { partition: 0, key: "s/u", value: "1" };
    await assert.rejects(part.log.append("player.events.raw", [record]), Unavailable);
  });
});

Deno.test({
  name: "KafkaLogPart is ready once brokers answer, and gives other threads clients of their own",
  ignore: noKafka,
  fn: () =>
    withTopics(async (target) => {
      if (target.user !== undefined || target.tls !== undefined) return;
      const url = `${describeKafka(target)}?prefix=${target.prefix}`;
      await withPart(url, async (part) => {
        await until(() => part.health().ready, "never ready");
        const record = { partition: 3, key: "s/u", value: "1" };
        await part.log.append("player.events.raw", [record]);
        const access = structuredClone(part.connect());
        const other = openLog(access);
        assert.ok(other instanceof KafkaLog && other !== part.log);
        const signal = AbortSignal.timeout(10_000);
        const [found] = await other.fetch("player.events.raw", 3, 0, 1000, signal);
        assert.equal(found?.value, "1");
        await other.close();
        assert.deepEqual(part.bytes(), {});
      });
    }),
});
