import assert from "node:assert/strict";
import { OffsetMissing, OutcomeUnknown, Terminal, Unavailable } from "../../../schema/errors.ts";
import { topicTable } from "../../../schema/topics.ts";
import type { Log } from "../log.ts";
import { within } from "../log_contract.ts";
import { KafkaLog, kafkaTarget } from "./kafka_log.ts";
import { BrokerProxy } from "./testing/broker_proxy.ts";
import { createTopics, deleteTopics } from "./topic_admin.ts";
import { freshTarget, noKafka, withTopics } from "./testing/kafka_world.ts";

const topics = topicTable();
const raw = "player.events.raw";
const never = new AbortController().signal;

function one(value: string) {
  return [{ partition: 0, key: "s/u", value }];
}

async function valuesOf(log: Log): Promise<string[]> {
  const { end } = (await log.ends(raw))[0]!;
  const values: string[] = [];
  for (let next = 0; next < end;) {
    const records = await within(log.fetch(raw, 0, next, 1024 * 1024, never), "fetch()");
    values.push(...records.map(({ value }) => value));
    next = records.at(-1)!.offset + 1;
  }
  return values;
}

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!await holds()) {
    assert.ok(performance.now() < deadline, `${what} did not come to pass`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A log that goes through a proxy, and one that does not. */
function faultTest(
  name: string,
  body: (proxy: BrokerProxy, log: KafkaLog, direct: KafkaLog) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: noKafka,
    fn: () =>
      withTopics(async (target) => {
        const proxy = new BrokerProxy(target.brokers[0]!);
        const timeouts = { appendTimeoutMs: 1_000, requestTimeoutMs: 2_000 };
        const log = new KafkaLog(proxy.through(target), { topics, ...timeouts });
        const direct = new KafkaLog(target, { topics });
        try {
          await body(proxy, log, direct);
        } finally {
          await log.close();
          await direct.close();
          proxy.close();
        }
      }),
  });
}

faultTest(
  "append() throws Unavailable while brokers are away, and goes on by itself",
  async (proxy, log, direct) => {
    await log.append(raw, one("1"));
    proxy.mode = "refuse";
    await until(async () => {
      const startedAt = performance.now();
      const error = await log.append(raw, one("2")).catch((error) => error);
      assert.ok(performance.now() - startedAt < 5_000, "the caller waited for too long");
      // The first may have been under way.
      return error instanceof Unavailable;
    }, "Unavailable");
    await assert.rejects(log.append(raw, one("3")), Unavailable);
    await until(() => log.pendingBytes === 0, "letting go of what nobody waits for");
    proxy.mode = "pass";
    await until(() => log.append(raw, one("4")).then(() => true, () => false), "an append");
    const values = await valuesOf(direct);
    assert.deepEqual(values.filter((value) => value !== "2"), ["1", "4"]);
  },
);

faultTest(
  "append() repeats what was not answered, and the log has it once",
  async (proxy, log, direct) => {
    await log.append(raw, one("1"));
    proxy.mode = "mute";
    const appended = log.append(raw, one("2"));
    await until(async () => (await direct.ends(raw))[0]!.end === 2, "the broker's having it");
    proxy.cut();
    proxy.mode = "pass";
    await within(appended, "append()");
    await log.append(raw, one("3"));
    assert.deepEqual(await valuesOf(direct), ["1", "2", "3"]);
  },
);

faultTest(
  "an append of unknown outcome never makes a later one vanish",
  async (proxy, log, direct) => {
    await log.append(raw, one("1"));
    proxy.mode = "mute";
    await assert.rejects(log.append(raw, one("2")), OutcomeUnknown);
    // Until the batch itself is given up.
    await until(() => log.pendingBytes === 0, "giving up");
    proxy.cut();
    proxy.mode = "pass";
    await until(() => log.append(raw, one("3")).then(() => true, () => false), "an append");
    await log.append(raw, one("4"));
    assert.deepEqual(await valuesOf(direct), ["1", "2", "3", "4"]);
  },
);

faultTest(
  "fetch() throws Unavailable while brokers are away, then reads on",
  async (proxy, log) => {
    await log.append(raw, one("1"));
    const waiting = log.fetch(raw, 0, 1, 1024, never);
    proxy.mode = "refuse";
    await assert.rejects(within(waiting, "fetch()"), Unavailable);
    await assert.rejects(within(log.fetch(raw, 0, 0, 1024, never), "fetch()"), Unavailable);
    proxy.mode = "pass";
    const read = async () => {
      const records = await log.fetch(raw, 0, 0, 1024, never);
      return records[0]!.value === "1";
    };
    await until(() => read().catch(() => false), "a fetch");
  },
);

faultTest("append() takes no more than it may hold", async (proxy, _log, direct) => {
  const target = proxy.through(freshTarget());
  const log = new KafkaLog(target, { topics, pendingBytesMax: 1_000 });
  proxy.mode = "refuse";
  const value = `"${"x".repeat(600)}"`;
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => log.append(raw, one(value))));
  assert.ok(outcomes.every((o) => o.status === "rejected" && o.reason instanceof Unavailable));
  const told = outcomes.map((o) => o.status === "rejected" ? String(o.reason) : "");
  assert.match(told[3]!, /Too much/);
  assert.equal(log.pendingBytes, 0);
  await log.close();
  assert.deepEqual(await valuesOf(direct), []);
});

Deno.test("KafkaLog.check() names the brokers it cannot reach, within two seconds", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const log = new KafkaLog(kafkaTarget(`kafka://u:secret@127.0.0.1:${port}`), { topics });
  await assert.rejects(within(log.check(), "check()"), (error: Error) => {
    assert.ok(error instanceof Unavailable);
    assert.match(error.message, new RegExp(`Cannot reach Kafka at 127.0.0.1:${port}`));
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  await assert.rejects(within(log.append(raw, one("1")), "append()"), Unavailable);
  await log.close();
});

Deno.test({
  name: "KafkaLog.check() says that brokers refuse the user, never the password",
  ignore: noKafka,
  fn: async () => {
    const user = { name: "nobody", password: "hush-hush" };
    const log = new KafkaLog({ ...freshTarget(), user }, { topics });
    await assert.rejects(within(log.check(), "check()"), (error: Terminal) => {
      assert.equal(error.code, "log_access");
      assert.match(error.message, /refuses the user nobody: check user and password of LOG_URL/);
      assert.doesNotMatch(error.message, /hush/);
      return true;
    });
    await assert.rejects(within(log.append(raw, one("1")), "append()"), /refuses the user nobody/);
    await log.close();
  },
});

Deno.test({
  name: "KafkaLog.check() tells of missing topics and of other partition counts in one error",
  ignore: noKafka,
  fn: async () => {
    const none = new KafkaLog(freshTarget(), { topics });
    await assert.rejects(none.check(), (error: Terminal) => {
      assert.equal(error.code, "log_topics");
      assert.match(error.message, /player\.events\.raw is missing \(12 partitions\)/);
      assert.match(error.message, /dlq\.events is missing/);
      return true;
    });
    await none.close();
    await withTopics(async (target) => {
      const log = new KafkaLog(target, { topics });
      await assert.rejects(log.check(), /raw has 5 partitions instead of 12$/);
      await log.close();
    }, topicTable(5));
  },
});

Deno.test({
  name: "KafkaLog.check() refuses topics whose settings would cost events",
  ignore: noKafka,
  fn: async () => {
    const target = freshTarget();
    const settings = { "cleanup.policy": "compact", "message.timestamp.type": "CreateTime" };
    await createTopics(target, { topics, replication: 1, settings });
    const log = new KafkaLog(target, { topics });
    await assert.rejects(log.check(), (error: Terminal) => {
      assert.equal(error.code, "log_topics");
      assert.match(error.message, /raw has cleanup\.policy=compact instead of delete/);
      assert.match(error.message, /raw has message\.timestamp\.type=CreateTime instead of Log/);
      return true;
    });
    await log.close();
    await deleteTopics(target);
  },
});

Deno.test({
  name: "fetch() throws OffsetMissing below what was deleted, and never goes on elsewhere",
  ignore: noKafka,
  fn: () =>
    withTopics(async (target) => {
      let offsetMs = 0;
      const log = new KafkaLog(target, { topics, now: () => Date.now() + offsetMs });
      for (const value of ["0", "1", "2"]) await log.append(raw, one(value));
      await log.trim(raw, 0, 2);
      assert.equal((await log.ends(raw))[0]!.start, 0, "deleted before its time");
      offsetMs = topics[raw].retentionMs + 60_000;
      await log.trim(raw, 0, 2);
      assert.deepEqual((await log.ends(raw))[0], { start: 2, end: 3 });
      await assert.rejects(log.fetch(raw, 0, 1, 1024, never), (error: OffsetMissing) => {
        assert.match(error.message, /player\.events\.raw\/0 at offset 1: the log holds 2 to 3/);
        return error instanceof OffsetMissing;
      });
      assert.deepEqual((await log.fetch(raw, 0, 2, 1024, never)).map((r) => r.value), ["2"]);
      await log.close();
    }),
});
