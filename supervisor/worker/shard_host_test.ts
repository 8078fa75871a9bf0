import assert from "node:assert/strict";
import { playerId } from "../../schema/event.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import { topicTable } from "../../schema/topics.ts";
import { MemoryLog } from "../log/memory_log.ts";
import { CostLedger } from "../observability/cost_ledger.ts";
import { gameStage, playerStage } from "../shard/stages.ts";
import { rawEvent } from "../shard/testing/shard_world.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { ShardHost } from "./shard_host.ts";
import type { ActInput, ShardId } from "./worker_protocol.ts";

const topics = topicTable(1);
const shard = { stage: "player", partition: 0 } as const;

/** A host of the only player shard, which halts players on whom an event throws. */
function open(
  cluster: { lease?: string; lost?: (id: ShardId) => void; log?: MemoryLog } = {},
) {
  const { log = new MemoryLog({ topics, now: Date.now }) } = cluster;
  const now = Date.now;
  const costs = { player: new CostLedger({ now }), game: new CostLedger({ now }) };
  const { behaviour } = playerStage();
  let isMended = false;
  const player = playerStage({
    ...behaviour,
    onPoison: "halt",
    receive(state, event, ctx) {
      if (event.event_type === "boom" && !isMended) throw new TypeError("boom");
      return behaviour.receive(state, event, ctx);
    },
  });
  const stages = { player: costs.player.timed(player), game: gameStage() };
  const init = {
    owner: "node/worker",
    stages: ["player"],
    shards: [shard],
    rawPartitions: 1,
    storeUrl: "",
    log: { type: "kafka", url: "", rawPartitions: 1, clientId: "" },
    actorBytesMax: 1e9,
    logLevel: "silent",
    clockOffsetMs: 0,
    stageModules: {},
  } as const;
  const store = new MemoryStore();
  const { lease, lost = () => {} } = cluster;
  const host = new ShardHost({ ...init, lease }, { log, store, stages, costs, fired() {}, lost });
  const send = async (...users: string[]) => {
    const records = users.map((user) => {
      const [user_id, event_type = "level.start"] = user.split("!") as [string, string?];
      const event = rawEvent({ user_id, event_type });
      return { partition: 0, key: playerId(event), value: JSON.stringify(event) };
    });
    await log.append("player.events.raw", records);
  };
  const until = async (holds: () => boolean) => {
    const end = performance.now() + 10_000;
    while (!holds()) {
      assert.ok(performance.now() < end, `it did not happen in time: ${holds}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const committed = (offset: number) => until(() => host.report().shards[0]!.nextOffset === offset);
  const act = (actorId: string, action: ActInput["action"]) =>
    host.act({ ...shard, actorId, action });
  return { host, store, send, until, committed, act, mend: () => isMended = true };
}

Deno.test("ShardHost.inspect() shows the hash that a player tells of himself", async () => {
  const { host, send, committed } = open();
  const hashes: string[] = [];
  for (const offset of [1, 2]) {
    await send("ann");
    await committed(offset);
    const query = { type: "profile" } as const;
    const asked = { ...shard, actorId: "demo/ann", query, now: Date.now(), asOf: undefined };
    const view = (await host.inspect(asked))!;
    const { stateHash, version } = await host.ask(asked) as PlayerProfile;
    assert.deepEqual([view.hash, view.version], [stateHash, version]);
    hashes.push(stateHash);
  }
  assert.notEqual(hashes[0], hashes[1]);
  await host.stop();
});

Deno.test("ShardHost.actors() gives the first by each measure, with size and cost", async () => {
  const { host, send, committed } = open();
  await send("a", "b", "a", "c", "a", "b");
  await committed(6);
  const events = host.actors({ stage: "player", sort: "events", limit: 2 });
  assert.deepEqual(events.items.map(({ id, cost }) => [id, cost.events]), [
    ["demo/a", 3],
    ["demo/b", 2],
  ]);
  assert.equal(events.total, 6);
  assert.ok(events.items[0]!.bytes > 0);
  const bytes = host.actors({ stage: "player", sort: "bytes", limit: 9 });
  assert.deepEqual(bytes.items.map(({ id }) => id).sort(), ["demo/a", "demo/b", "demo/c"]);
  assert.equal(bytes.total, bytes.items.reduce((sum, actor) => sum + actor.bytes, 0));
  assert.deepEqual(host.actors({ stage: "player", sort: "mailbox", limit: 9 }).items, []);
  assert.deepEqual(host.actors({ stage: "game", sort: "cpu", limit: 9 }).items, []);
  await host.stop();
});

Deno.test("ShardHost tells and counts a shard whose log has lost what it has not read", async () => {
  const log = new MemoryLog({ topics, now: Date.now });
  const record = { partition: 0, key: "demo/a", value: JSON.stringify(rawEvent({ user_id: "a" })) };
  await log.append("player.events.raw", [record, record, record]);
  await log.trim("player.events.raw", 0, 2);
  const { host, until } = open({ log });
  let counted = 0;
  await until(() => {
    const { faults, metrics } = host.report();
    counted += JSON.stringify(metrics).includes("shard_offset_missing_total") ? 1 : 0;
    return counted > 0 && faults.some((fault) => fault.includes("the log holds 2 to 3"));
  });
  // It stays where it is: nothing was read past the hole.
  assert.equal(host.report().shards[0]!.nextOffset, 0);
  await host.stop();
});

Deno.test("ShardHost.assign() and revoke() have shards come and go, and the tree tells", async () => {
  const { host, send, committed, until } = open();
  await send("a");
  await committed(1);
  const { epoch } = host.report().shards[0]!;
  const children = () => host.report().tree.children[0]!.children.map(({ id }) => id);
  await host.revoke(shard);
  assert.deepEqual([host.report().shards, host.report().faults, children()], [[], [], []]);
  assert.throws(() => host.shard(shard), { name: "Misdirected" });
  await host.assign(shard);
  await host.assign(shard);
  await until(() => host.report().shards[0]!.epoch > epoch);
  assert.deepEqual(children(), ["0"]);
  await send("a");
  await committed(2);
  const [report] = host.report().shards;
  assert.deepEqual([report!.applied, report!.retakes], [1, 0]);
  await host.stop();
});

Deno.test("ShardHost gives up a shard that another node holds, and says so", async () => {
  const lost: ShardId[] = [];
  const { host, store, until } = open({ lease: "mine", lost: (id) => lost.push(id) });
  // It was assigned, but that node's lease does not run.
  await until(() => lost.length === 1);
  assert.deepEqual([lost, host.report().shards], [[shard], []]);
  const node = { nodeId: "n", life: "mine", url: null, roles: [], workers: 1, isLeaving: false };
  const row = { node: { ...node, wants: [] }, startedMs: 0, expiresMs: Infinity };
  store.nodes.set("n", row);
  await host.assign(shard);
  await until(() => host.report().shards[0]?.epoch === 1);
  assert.equal(store.heldShards()[0]!.life, "mine");
  await host.stop();
  assert.equal(store.heldShards()[0]!.life, null);
});

Deno.test("ShardHost.act() passivates an actor, and tells when there is nothing to do", async () => {
  const { host, send, committed, act } = open();
  await send("a");
  await committed(1);
  assert.equal(await act("demo/a", "passivate"), true);
  assert.equal(host.report().shards[0]!.actors, 0);
  assert.equal(await act("demo/a", "passivate"), false);
  assert.equal(await act("demo/a", "restart"), false);
  await host.stop();
});

Deno.test("ShardHost.halted() names who stands still, until it is restarted", async () => {
  const { host, send, until, committed, act, mend } = open();
  await send("a", "a!boom", "b");
  await until(() => host.halted().length === 1);
  await committed(3);
  const [halted] = host.halted();
  assert.deepEqual([halted!.stage, halted!.partition, halted!.actorId], ["player", 0, "demo/a"]);
  assert.match(halted!.reason, /boom/);
  mend();
  assert.equal(await act("demo/a", "restart"), true);
  assert.deepEqual(host.halted(), []);
  await host.stop();
});

Deno.test("ShardHost.restart() stops a shard in order and starts it again", async () => {
  const { host, send, committed, until } = open();
  await send("a");
  await committed(1);
  const { epoch } = host.report().shards[0]!;
  assert.equal(await host.restart(shard), true);
  await until(() => host.report().shards[0]!.epoch > epoch);
  await send("a");
  await committed(2);
  assert.equal(host.report().tree.children[0]!.children[0]!.restarts, 1);
  await host.stop();
});
