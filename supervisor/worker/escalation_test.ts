import assert from "node:assert/strict";
import { topicTable } from "../../schema/topics.ts";
import { MemoryLog } from "../log/memory_log.ts";
import { CostLedger } from "../observability/cost_ledger.ts";
import { gameStage, playerStage } from "../shard/stages.ts";
import { MemoryStore } from "../store/memory_store.ts";
import type { TreeNode } from "../tree/child.ts";
import { ShardHost } from "./shard_host.ts";

/** A worker with two shards of players and one of games; the players' shard 1 fails until it is mended. */
function open() {
  const store = new MemoryStore();
  const broken = { is: true, tries: 0 };
  const faulty = new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "takeShard") return value.bind(target);
      return (...input: Parameters<MemoryStore["takeShard"]>) => {
        const [stage, partition] = input;
        if (stage === "player" && partition === 1) {
          broken.tries++;
          // A defect, not a resource that is away: nobody waits for it to pass.
          if (broken.is) return Promise.reject(new TypeError("told to"));
        }
        return target.takeShard(...input);
      };
    },
  });
  const now = Date.now;
  const init = {
    owner: "node/worker",
    stages: ["player", "game"],
    shards: [
      { stage: "player", partition: 0 },
      { stage: "player", partition: 1 },
      { stage: "game", partition: 0 },
    ],
    lease: undefined,
    rawPartitions: 2,
    storeUrl: "",
    log: { type: "kafka", url: "", rawPartitions: 2, clientId: "" },
    actorBytesMax: 1e9,
    logLevel: "silent",
    clockOffsetMs: 0,
    stageModules: {},
  } as const;
  const host = new ShardHost(init, {
    log: new MemoryLog({ topics: topicTable(2), now }),
    store: faulty,
    stages: { player: playerStage(), game: gameStage() },
    costs: { player: new CostLedger({ now }), game: new CostLedger({ now }) },
    fired() {},
  });
  return { host, broken };
}

const child = (node: TreeNode, id: string) => node.children.find((one) => one.id === id)!;

Deno.test("ShardHost restarts a failing shard, then its stage; its worker and the other stage stand", async () => {
  const { host, broken } = open();
  let isOver = false;
  void host.exited.then(() => isOver = true);
  const until = async (holds: () => boolean) => {
    const end = performance.now() + 60_000;
    while (!holds()) {
      assert.ok(performance.now() < end, `it did not happen in time: ${holds}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const stage = (id: string) => child(host.report().tree, id);
  await until(() => {
    const { restarts } = stage("player");
    // It is started, and five times again, before its stage is.
    assert.ok(restarts === 0 || broken.tries >= 6, `${restarts} after ${broken.tries} tries`);
    return restarts > 0;
  });
  assert.match(stage("player").last_error!, /BudgetExhausted: Gave up .*player/);
  assert.equal(stage("game").restarts, 0);
  assert.equal(isOver, false, "nothing above the stage has noticed");
  assert.ok(host.report().faults.some((fault) => fault.includes("told to")), "and it is shown");

  broken.is = false;
  await until(() => {
    const { shards } = host.report();
    return shards.length === 3 && shards.every(({ state }) => state === "running");
  });
  assert.equal(isOver, false);
  await host.stop();
});
