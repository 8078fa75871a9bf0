import assert from "node:assert/strict";
import { playerStage } from "../../supervisor/shard/stages.ts";
import { MemoryStore } from "../../supervisor/store/memory_store.ts";
import type { AsOf, SnapshotPart, StageName, StoredActor } from "../../supervisor/store/store.ts";
import { violations } from "./check.ts";
import { runSeed } from "./world.ts";

/** A store whose disk spoils every third snapshot of a player that is read from it. */
class SpoilingStore extends MemoryStore {
  spoilt = 0;
  #read = 0;

  override async load(
    stage: StageName,
    partition: number,
    actorIds: readonly string[],
    asOf?: AsOf,
  ): Promise<StoredActor[]> {
    const actors = await super.load(stage, partition, actorIds, asOf);
    if (stage !== "player") return actors;
    return actors.map((actor) => ({ ...actor, parts: actor.parts.map((p) => this.#spoil(p)) }));
  }

  #spoil(part: SnapshotPart): SnapshotPart {
    const turn = this.#read++ % 9;
    if (turn % 3 !== 0) return part;
    this.spoilt++;
    if (turn === 0) return { ...part, body: part.body.slice(0, -7) };
    if (turn === 3) {
      const body = part.body.replace(/(?<="events":)\d/, (d) => String(9 - Number(d)));
      return { ...part, body };
    }
    return { ...part, version: part.version + (this.spoilt % 2 === 0 ? 1 : -1) };
  }
}

Deno.test("runSeed() finds nothing wrong though snapshots are spoilt, amid all other faults", async () => {
  let spoilt = 0;
  let seed = 0;
  // Not every seed passivates or crashes: as many as it takes to have spoilt enough.
  for (; spoilt < 500 && seed < 200; seed++) {
    const store = new SpoilingStore();
    const world = await runSeed(seed, { makeStore: () => store });
    assert.deepEqual(await violations(world), [], `seed ${seed}`);
    assert.deepEqual(world.shards.flatMap((shard) => shard.halted()), [], `seed ${seed}`);
    spoilt += store.spoilt;
  }
  assert.ok(spoilt >= 500, `${spoilt} spoilt in ${seed} seeds`);
});

Deno.test("runSeed() finds wrong figures when spoilt snapshots are trusted", async () => {
  const player = () => ({ ...playerStage(), trustsSnapshots: true });
  for (let seed = 0; seed < 200; seed++) {
    const world = await runSeed(seed, { makeStore: () => new SpoilingStore(), player });
    if ((await violations(world)).length > 0) return;
  }
  assert.fail("nothing was found in 200 seeds");
});
