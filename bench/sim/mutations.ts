/**
 * Promises broken on purpose, to show that the simulator would notice.
 *
 * @module
 */
import type { JsonObject, PlayerEvent } from "../../schema/event.ts";
import { isInternal } from "../../schema/event.ts";
import { player } from "../../actors/player/player.ts";
import type { PlayerState } from "../../actors/player/player_state.ts";
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

/** Players take what others have sent them as often as it is published. */
export const withoutSources: Mutations = {
  player: () => {
    const stage = playerStage();
    return { ...stage, decode: (record) => ({ messages: stage.decode(record).messages }) };
  },
};

/** Aliases pass on what they have seen before. */
export const withoutAliasDedupe: Mutations = {
  player: () =>
    playerStage({
      ...player,
      receive(state: PlayerState, event: PlayerEvent, ctx) {
        if (state.merge?.into === undefined || isInternal(event)) {
          return player.receive(state, event, ctx);
        }
        const effects = player.receive(state, { ...event, event_id: `${ctx.offset}` }, ctx)!;
        return effects.map((effect) =>
          effect.type !== "send" ? effect : {
            ...effect,
            properties: {
              ...effect.properties,
              event: { ...effect.properties["event"] as JsonObject, event_id: event.event_id },
            },
          }
        );
      },
    }),
};

/** Who is no alias any more counts what comes directly before what is on its way back. */
export const withoutOrder: Mutations = {
  player: () =>
    playerStage({
      ...player,
      receive(state: PlayerState, event: PlayerEvent, ctx) {
        const effects = player.receive(state, event, ctx);
        if (state.merge !== undefined) state.merge.next = state.merge.numbered;
        return effects;
      },
    }),
};

/** A store that keeps every other change of who is who. */
class ForgetfulStore extends MemoryStore {
  #changes = 0;

  override commit(batch: CommitBatch): Promise<void> {
    const forgets = batch.aliases !== undefined && this.#changes++ % 2 === 1;
    return super.commit(forgets ? { ...batch, aliases: [] } : batch);
  }
}

export const withoutAliasRows: Mutations = { makeStore: () => new ForgetfulStore() };

/** By the name of what is switched off. */
export const mutations: Readonly<Record<string, Mutations>> = {
  dedupe: withoutDedupe,
  epoch: withoutFencing,
  atomicity: withoutAtomicity,
  sources: withoutSources,
  "alias-dedupe": withoutAliasDedupe,
  order: withoutOrder,
  "alias-rows": withoutAliasRows,
};
