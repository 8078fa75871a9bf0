import assert from "node:assert/strict";
import { InvalidInput } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { topicTable } from "../../../schema/topics.ts";
import { MetricsAccumulator } from "../../observability/metrics_sink.ts";
import { commitBatch, journalRow, midnight } from "../contract/fixtures.ts";
import { EventReader } from "../event_reader.ts";
import { prepareDatabase } from "../migrate.ts";
import { PostgresStore } from "../postgres_store.ts";
import { ReplicaEvents } from "./replica_events.ts";
import { startTestingDatabase } from "./testing_database.ts";

/** Fills a database with so many events of the studio `s`. */
async function fill(url: string, count: number): Promise<void> {
  const store = new PostgresStore({ url });
  const { epoch } = await store.takeShard("player", 0, "test");
  const rows = Array.from({ length: count }, (_, i) => ({
    ...journalRow("s/ann", i),
    receivedAt: midnight + i,
  }));
  await store.commit(commitBatch({ partition: 0, epoch, oldOffset: 0, newOffset: count, rows }));
  await store.close();
}

Deno.test("ReplicaEvents asks the replica, and the primary while the replica is away", async () => {
  const server = await startTestingDatabase(import.meta.url);
  const replicaUrl = await server.newDatabase();
  await prepareDatabase(replicaUrl, topicTable());
  await fill(server.url, 3);
  await fill(replicaUrl, 2);
  const sink = new MetricsAccumulator();
  let nowMs = 0;
  let replicaCalls = 0;
  let isAway = false;
  const replica = new EventReader({ url: replicaUrl });
  const gone = new EventReader({ url: "postgres://x:y@127.0.0.1:1/none" });
  const events = new ReplicaEvents({
    primary: new EventReader({ url: server.url }),
    replica: {
      events: (...query) => {
        replicaCalls++;
        return (isAway ? gone : replica).events(...query);
      },
      close: async () => void await Promise.all([replica.close(), gone.close()]),
    },
    sink,
    now: () => nowMs,
  });
  const count = async () => (await events.events("s", {}, 10)).events.length;
  try {
    assert.equal(await count(), 2);
    await assert.rejects(events.events("s", {}, 10, "no cursor"), InvalidInput);
    assert.equal(sink.drain().store_replica_fallbacks_total, undefined);
    isAway = true;
    assert.equal(await count(), 3);
    isAway = false;
    assert.equal(await count(), 3, "the replica is left alone for a while");
    assert.equal(replicaCalls, 3);
    assert.deepEqual(sink.drain().store_replica_fallbacks_total, [[[], 2]]);
    nowMs = limits.replicaRetryMs;
    assert.equal(await count(), 2);
  } finally {
    await events.close();
    await server.close();
  }
});
