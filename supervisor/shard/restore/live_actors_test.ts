import assert from "node:assert/strict";
import type { Cell } from "../cell.ts";
import { actorsOf, liveActors, type LiveState } from "./live_actors.ts";

function stateOf(bytes: Record<string, number>, rows: string[], committing: string[]): LiveState {
  const cells = Object.entries(bytes).map(([id, n]) => ({ id, bytes: n }) as Cell);
  const messages = (ids: string[]) => ids.map((actorId) => ({ actorId })) as never[];
  return {
    cells: {
      values: () => cells.values(),
      peek: (id) => cells.find((cell) => cell.id === id),
    },
    pending: { rows: messages(rows), applied: messages([]) },
    committing: { rows: messages([]), applied: messages(committing) },
  };
}

const state = stateOf({ a: 10, b: 30, c: 20 }, ["a", "b", "a"], ["a", "c", "c"]);

Deno.test("liveActors() gives the largest, and those with most uncommitted messages", () => {
  assert.deepEqual(liveActors(state, "bytes", 2), [
    { id: "b", bytes: 30, mailbox: 1 },
    { id: "c", bytes: 20, mailbox: 2 },
  ]);
  assert.deepEqual(liveActors(state, "mailbox", 9).map(({ id, mailbox }) => [id, mailbox]), [
    ["a", 3],
    ["c", 2],
    ["b", 1],
  ]);
  assert.deepEqual(liveActors({ ...stateOf({ a: 1 }, [], []) }, "mailbox", 9), []);
});

Deno.test("actorsOf() gives the actors asked for, live or not", () => {
  assert.deepEqual(actorsOf(state, ["c", "gone"]), [
    { id: "c", bytes: 20, mailbox: 2 },
    { id: "gone", bytes: 0, mailbox: 0 },
  ]);
});
