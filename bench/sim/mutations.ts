/**
 * Promises broken on purpose, to show that the simulator would notice.
 *
 * @module
 */
import type { PlayerEvent } from "../../schema/event.ts";
import { isInternal } from "../../schema/event.ts";
import { player } from "../../actors/player/player.ts";
import { playerStage } from "../../supervisor/shard/stages.ts";
import { MemoryStore } from "../../supervisor/store/memory_store.ts";
import type { CommitBatch, ShardClaim, StageName } from "../../supervisor/store/store.ts";
import type { Mutations } from "./world.ts";

/** Players forget which events they have counted. */
export const withoutDedupe: Mutations = {
  player: () =>
    playerStage({
      ...player,
      receive(state, event: PlayerEvent, ctx) {
        if (isInternal(event)) return player.receive(state, event, ctx);
        const id = `${event.event_id} ${ctx.partition}:${ctx.offset}`;
        return player.receive(state, { ...event, event_id: id }, ctx);
      },
    }),
};

/** A store that takes commits from anybody, whatever their epoch and offset. */
class UnfencedStore extends MemoryStore {
  readonly #claims = new Map<string, { epoch: number; nextOffset: number }>();

  override async takeShard(
    stage: StageName,
    partition: number,
    owner: string,
    heldEpoch?: number,
    lease?: string,
  ): Promise<ShardClaim> {
    const claim = await super.takeShard(stage, partition, owner, heldEpoch, lease);
    this.#claims.set(`${stage}/${partition}`, { ...claim });
    return claim;
  }

  override async commit(batch: CommitBatch): Promise<void> {
    const claim = this.#claims.get(`${batch.stage}/${batch.partition}`)!;
    const newOffset = Math.max(batch.newOffset, claim.nextOffset);
    await super.commit({ ...batch, epoch: claim.epoch, oldOffset: claim.nextOffset, newOffset });
    claim.nextOffset = newOffset;
  }
}

export const withoutFencing: Mutations = { makeStore: () => new UnfencedStore() };

/** A store whose commit moves the offset in one step and the outbox in another that may not come. */
class TornStore extends MemoryStore {
  #commits = 0;

  override commit(batch: CommitBatch): Promise<void> {
    const torn = this.#commits++ % 20 === 19;
    return super.commit(torn ? { ...batch, outbox: [] } : batch);
  }
}

export const withoutAtomicity: Mutations = { makeStore: () => new TornStore() };

/** By the name of what is switched off. */
export const mutations: Readonly<Record<string, Mutations>> = {
  dedupe: withoutDedupe,
  epoch: withoutFencing,
  atomicity: withoutAtomicity,
};
