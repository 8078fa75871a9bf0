import assert from "node:assert/strict";
import fc from "fast-check";
import { assignStage, desiredShards } from "./assignment.ts";
import type { ClusterNode, ClusterView } from "./membership.ts";

function node(nodeId: string, change: Partial<ClusterNode> = {}): ClusterNode {
  const roles = ["player", "game"] as const;
  const common = { life: nodeId, url: null, roles, workers: 1, isLeaving: false, wants: [] };
  return { nodeId, ...common, ...change };
}

function view(nodes: readonly ClusterNode[], lives: readonly (string | null)[] = []): ClusterView {
  const shards = lives.map((life, partition) => ({
    stage: "player" as const,
    partition,
    epoch: 1,
    nextOffset: 0,
    life,
  }));
  return { nodes, shards };
}

const countOf = (assigned: readonly (string | undefined)[]) => {
  const counts: Record<string, number> = {};
  for (const life of assigned) counts[String(life)] = (counts[String(life)] ?? 0) + 1;
  return counts;
};

Deno.test("assignStage() gives a lone node everything, and nobody anything without one", () => {
  assert.deepEqual(assignStage("player", 3, view([node("a")])), ["a", "a", "a"]);
  assert.deepEqual(assignStage("player", 2, view([])), [undefined, undefined]);
  assert.deepEqual(assignStage("player", 1, view([node("a", { roles: ["gateway", "game"] })])), [
    undefined,
  ]);
});

Deno.test("assignStage() moves only what is beyond a share when a node joins", () => {
  const assigned = assignStage("player", 4, view([node("a"), node("b")], ["a", "a", "a", "a"]));
  assert.deepEqual(assigned, ["a", "a", "b", "b"]);
});

Deno.test("assignStage() follows the nodes' workers", () => {
  const nodes = [node("a", { workers: 3 }), node("b")];
  assert.deepEqual(countOf(assignStage("player", 12, view(nodes))), { a: 9, b: 3 });
});

Deno.test("assignStage() takes everything from a node that leaves, and from one that is gone", () => {
  const leaving = [node("a", { isLeaving: true }), node("b")];
  assert.deepEqual(assignStage("player", 2, view(leaving, ["a", "b"])), ["b", "b"]);
  assert.deepEqual(assignStage("player", 2, view([node("b")], ["a", "b"])), ["b", "b"]);
});

Deno.test("assignStage() gives nothing to a node whose workers are not up", () => {
  const nodes = [node("a"), node("b", { workers: 0 })];
  assert.deepEqual(assignStage("player", 2, view(nodes, ["a", null])), ["a", "a"]);
});

Deno.test("assignStage() keeps a shard that nobody holds for who waits for it", () => {
  const nodes = [node("a"), node("b"), node("c", { wants: ["player/1"] })];
  assert.equal(assignStage("player", 3, view(nodes, ["a", null, "b"]))[1], "c");
});

Deno.test("assignStage() leaves things as they are once they are fair", () => {
  const nodes = [node("a"), node("b")];
  for (const lives of [["b", "b", "a"], ["a", "b", "a"], ["b", "a", "a"]]) {
    assert.deepEqual(assignStage("player", 3, view(nodes, lives)), lives);
  }
});

Deno.test("assignStage() is fair, moves the least, and settles at once, whatever the cluster", () => {
  const names = ["a", "b", "c", "d", "e"];
  const cluster = fc.record({
    workers: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
    lives: fc.array(fc.constantFrom(...names, null), { minLength: 1, maxLength: 24 }),
  });
  fc.assert(fc.property(cluster, ({ workers, lives }) => {
    const nodes = workers.map((count, i) => node(names[i]!, { workers: count }));
    const before = view(nodes, lives);
    const assigned = assignStage("player", lives.length, before);
    assert.deepEqual(assigned, assignStage("player", lives.length, before));
    const counts = countOf(assigned);
    const total = workers.reduce((sum, count) => sum + count, 0);
    for (const { life, workers } of nodes) {
      const exact = lives.length * workers / total;
      assert.ok(Math.abs((counts[life] ?? 0) - exact) < 1, `${life}: ${counts[life]} of ${exact}`);
    }
    // A shard leaves a node only if that node keeps its full share of what it had.
    const had = countOf(lives.map((life) => life ?? undefined));
    for (const { life } of nodes) {
      const kept = lives.filter((was, p) => was === life && assigned[p] === life).length;
      assert.equal(kept, Math.min(had[life] ?? 0, counts[life] ?? 0));
    }
    const after = view(nodes, assigned.map((life) => life ?? null));
    assert.deepEqual(assignStage("player", lives.length, after), assigned);
  }));
});

Deno.test("desiredShards() names the shards of all stages that a life should have", () => {
  const shards = [0, 1].flatMap((partition) => [
    { stage: "player" as const, partition },
    { stage: "game" as const, partition },
  ]);
  const nodes = [node("a", { roles: ["player"] }), node("b", { roles: ["game"] })];
  assert.deepEqual(desiredShards("a", shards, view(nodes)).map(({ stage }) => stage), [
    "player",
    "player",
  ]);
  assert.deepEqual(desiredShards("c", shards, view(nodes)), []);
});
