/**
 * The counter on the shard's own code: cells, applier, batch, store in memory, and a worker for asks.
 *
 * @module
 */
import { topicTable } from "../../../schema/topics.ts";
import { Applier } from "../../../supervisor/shard/applier.ts";
import { Batch } from "../../../supervisor/shard/batch.ts";
import { Cells } from "../../../supervisor/shard/cells.ts";
import { playerStage } from "../../../supervisor/shard/stages.ts";
import { MemoryStore } from "../../../supervisor/store/memory_store.ts";
import { type Endpoint, Rpc } from "../../../supervisor/worker/rpc.ts";
import type { Contestant } from "./contestant.ts";
import { type Count, counter, playerName, recordsOf } from "./counter.ts";

const stage = playerStage(counter);

function newShard() {
  const store = new MemoryStore();
  const cells = new Cells(stage, 0, store);
  cells.known.complete();
  let batch = new Batch(0);
  const applier = new Applier(stage, 0, cells, {
    uncommitted: () => [],
    reload: (id) => cells.reload(id),
    parked: (_id, error) => {
      throw error;
    },
  });
  return {
    store,
    cells,
    applier,
    get batch() {
      return batch;
    },
    /** The batch is handed over, as to the commit loop. */
    takeBatch: () => batch = new Batch(batch.newOffset),
  };
}

export const ours: Contestant = {
  name: "shard",
  async apply(inputs, timed) {
    const { cells, applier, ...shard } = newShard();
    const decoded = inputs.map(({ record }) => applier.decode(record));
    let batch = shard.batch;
    await timed(() => {
      for (let i = 0; i < inputs.length; i++) {
        applier.apply(inputs[i]!.record, decoded[i]!, {}, batch);
        if (batch.isFull) batch = shard.takeBatch();
      }
    });
    let sum = 0;
    for (const { state } of cells.values()) sum += (state as Count).n;
    return sum;
  },
  async ask(asks, timed) {
    const worker = new Worker(new URL("ask_worker.ts", import.meta.url), { type: "module" });
    const rpc = new Rpc(worker as unknown as Endpoint, {});
    try {
      await rpc.call("ready", undefined);
      await timed(() =>
        inWindows(asks, (i) => rpc.call("ask", { actorId: `demo/${playerName(i % 1000)}` }))
      );
    } finally {
      worker.terminate();
    }
  },
  async spawn(actors, timed) {
    const first = newShard();
    for (const record of recordsOf(actors, actors)) {
      first.applier.apply(record, first.applier.decode(record), {}, first.batch);
    }
    for (const id of first.cells.ids()) first.batch.snapshots.add(id);
    const { epoch } = await first.store.takeShard("player", 0, "bench");
    const owner = { stage: stage.name, partition: 0, epoch, emittedOffset: 0, cleanAt: undefined };
    await first.store.commit(first.batch.seal(owner, first.cells, topicTable()));
    const ids = [...first.cells.ids()];
    const second = new Cells(stage, 0, first.store);
    await timed(async () => {
      for (let i = 0; i < ids.length; i += 500) await second.load(ids.slice(i, i + 500));
    });
    return second.size;
  },
  hold(actors) {
    const { cells, applier, ...shard } = newShard();
    for (const record of recordsOf(actors, actors)) {
      applier.apply(record, applier.decode(record), {}, shard.takeBatch());
    }
    return Promise.resolve(() => cells.size);
  },
};

/** Runs `count` calls, at most 256 at once, as a gateway's connections do. */
export async function inWindows(
  count: number,
  call: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 256 }, async () => {
    while (next < count) await call(next++);
  }));
}
