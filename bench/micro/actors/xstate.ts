/**
 * The counter on XState: an actor of transition logic a player. It keeps no journal and has no
 * mailbox across threads: the row is pushed by the transition, and an ask reads the snapshot.
 *
 * @module
 */
import { type Actor, createActor, fromTransition, type TransitionActorLogic } from "xstate";
import type { Contestant } from "./contestant.ts";
import { type Count, count, decodeCount, encodeCount, newCount, playerName } from "./counter.ts";
import { inWindows } from "./ours.ts";

interface Add {
  readonly type: "add";
  readonly eventId: string;
  readonly value: string;
}

type Logic = TransitionActorLogic<Count, Add, unknown>;

function newLogic(rows: unknown[]): Logic {
  return fromTransition((state: Count, event: Add) => {
    if (count(state, event.eventId)) rows.push(event);
    return state;
  }, newCount) as unknown as Logic;
}

const start = (logic: Logic, i: number): Actor<Logic> =>
  createActor(logic, { id: playerName(i) }).start();

export const onXstate: Contestant = {
  name: "xstate 5.33.3",
  async apply(inputs, timed) {
    const logic = newLogic([]);
    const actors = new Map<string, Actor<Logic>>();
    await timed(() => {
      for (const { record: { value }, event } of inputs) {
        let actor = actors.get(event.user_id);
        if (actor === undefined) actors.set(event.user_id, actor = start(logic, actors.size));
        actor.send({ type: "add", eventId: event.event_id, value });
      }
    });
    let sum = 0;
    for (const actor of actors.values()) sum += actor.getSnapshot().context.n;
    return sum;
  },
  async ask(asks, timed) {
    const logic = newLogic([]);
    const actors = Array.from({ length: 1000 }, (_, i) => start(logic, i));
    // As an answer to somebody else: the value comes with a later turn.
    await timed(() =>
      inWindows(
        asks,
        (i) => Promise.resolve(actors[i % actors.length]!.getSnapshot().context.n),
      )
    );
  },
  async spawn(actors, timed) {
    const logic = newLogic([]);
    const one = newCount();
    count(one, "0190f3a1-7b2c-7000-8000-000000000000");
    const text = encodeCount(one);
    const spawned = await timed(() =>
      Array.from({ length: actors }, (_, i) => {
        const snapshot = {
          status: "active" as const,
          context: decodeCount(text),
          output: undefined,
          error: undefined,
          input: undefined,
        };
        return createActor(logic, { id: playerName(i), snapshot }).start();
      })
    );
    return spawned.filter((actor) => actor.getSnapshot().context.n === 1).length;
  },
  hold(actors) {
    const logic = newLogic([]);
    const held = Array.from({ length: actors }, (_, i) => {
      const actor = start(logic, i);
      actor.send({ type: "add", eventId: `0190f3a1-7b2c-7000-8000-${i}`, value: "" });
      return actor;
    });
    return Promise.resolve(() => held.forEach((actor) => actor.stop()));
  },
};
