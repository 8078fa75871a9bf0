/**
 * What every behaviour must keep to, whatever it is for: the shard rebuilds, replays, passivates and
 * retries actors on the word of these laws.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInput } from "../../schema/errors.ts";
import type { Behaviour, Effect } from "../kernel/behaviour.ts";
import { Probe, type ProbeOptions } from "./probe.ts";
import { withoutClockAndChance } from "./without_clock_and_chance.ts";

/** A message, and how long after the one before it arrives, milliseconds. */
export interface Sent<Message> {
  readonly message: Message;
  readonly gapMs: number;
}

/** What a life of the actor is made of. */
export interface LawArbitraries<Message, Query> extends ProbeOptions<Message> {
  readonly messages: fc.Arbitrary<readonly Sent<Message>[]>;
  readonly queries: fc.Arbitrary<Query>;
}

/** @param numRuns lives to try. @default 100 @param seed repeats a run that failed */
export interface LawOptions {
  readonly numRuns?: number;
  readonly seed?: number;
}

/**
 * Fails with the smallest life found that breaks a law:
 *
 * 1. **Determinism.** The same messages give the same effects and state; no clock, no randomness,
 *    nothing shared between actors, and the message itself is left as it came.
 * 2. **Snapshot and restore.** At any point the actor restored from all parts written so far is the
 *    same, and goes on the same.
 * 3. **Nothing means nothing.** After `undefined`, or after {@link InvalidInput} was thrown, the state
 *    is as before: such a message is not in the journal.
 * 4. **Reading changes nothing.** `ask`, `describe` and `bytes` leave the state as it was, and `ask`
 *    answers what JSON can carry.
 * 5. **Sound effects.** Sums are finite, ranges run forward, times are whole milliseconds.
 * 6. **Size.** `bytes` is a finite number above 0.
 */
export function assertBehaviourLaws<State, Message, Query, Answer>(
  behaviour: Behaviour<State, Message, Query, Answer>,
  { messages, queries, ...probe }: LawArbitraries<Message, Query>,
  { numRuns = 100, seed }: LawOptions = {},
): void {
  const strict = withoutClockAndChance(behaviour);
  const restores = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(messages, queries, restores, (life, query, restores) => {
      const bystander = new Probe(strict, { ...probe, actorId: "demo/bystander" });
      const before = bystander.text;
      assert.equal(
        bystander.text,
        before,
        "describe() changed the state, or does not repeat itself",
      );
      const [one, two, three] = [0, 1, 2].map(() => new Probe(strict, probe)) as [
        Probe<State, Message, Query, Answer>,
        Probe<State, Message, Query, Answer>,
        Probe<State, Message, Query, Answer>,
      ];
      life.forEach((sent, i) => {
        const effects = live(one, sent);
        assert.deepEqual(live(two, sent), effects, "the same messages gave other effects");
        assert.deepEqual(live(three, sent), effects, "a restored actor gave other effects");
        assertReadingChangesNothing(one, query);
        three.snapshot();
        if (restores[i % restores.length]) three.restore();
        assert.equal(two.text, one.text, "the same messages gave another state");
        assert.equal(three.text, one.text, "a restored actor has another state");
        for (const effect of effects ?? []) assertSound(effect);
      });
      assert.equal(bystander.text, before, "a message changed another actor");
    }),
    { numRuns, ...(seed === undefined ? {} : { seed }) },
  );
}

/** Lets the gap pass and sends the message; its effects, those of timers that came due included. */
function live<State, Message, Query, Answer>(
  probe: Probe<State, Message, Query, Answer>,
  { message, gapMs }: Sent<Message>,
): Effect[] {
  const fired = probe.advance(gapMs);
  const before = probe.text;
  const text = JSON.stringify(message);
  let effects: Effect[] | undefined;
  try {
    effects = probe.send(message);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
  }
  assert.equal(JSON.stringify(message), text, "receive() changed its message");
  if (effects === undefined) {
    assert.equal(probe.text, before, "a message that was ignored or refused changed the state");
  }
  return [...fired, ...effects ?? []];
}

function assertReadingChangesNothing<State, Message, Query, Answer>(
  probe: Probe<State, Message, Query, Answer>,
  query: Query,
): void {
  const { text } = probe;
  const answer = probe.ask(query);
  assert.equal(probe.text, text, "ask() changed the state");
  assert.deepEqual(probe.ask(query), answer, "ask() does not repeat itself");
  assert.doesNotThrow(() => JSON.stringify(answer), "ask() answered what JSON cannot carry");
  const bytes = probe.behaviour.bytes(probe.state);
  assert.ok(Number.isFinite(bytes) && bytes > 0, `bytes() must be above 0: it is ${bytes}`);
  assert.equal(probe.text, text, "bytes() changed the state");
}

function assertSound(effect: Effect): void {
  const text = JSON.stringify(effect);
  switch (effect.type) {
    case "delta": {
      const { by, day, through } = effect;
      assert.ok(Number.isFinite(by), `a delta must be finite: ${text}`);
      assert.ok(day === undefined || Number.isSafeInteger(day), `a day must be whole: ${text}`);
      const isForward = through === undefined || (day !== undefined && through >= day);
      assert.ok(isForward, `a range must run forward from its day: ${text}`);
      return;
    }
    case "score":
      assert.ok(Number.isFinite(effect.score), `a score must be finite: ${text}`);
      return;
    case "timer": {
      const isTime = effect.dueAt === null || Number.isSafeInteger(effect.dueAt);
      assert.ok(isTime, `a timer is due at a whole millisecond: ${text}`);
      return;
    }
    case "unscore":
    case "refusal":
      return;
    case "send":
      assert.match(effect.to, /^[^/]+\/./, `who is written to has an id of a studio: ${text}`);
      assert.match(effect.eventType, /^\$/, `only the platform's own events are sent: ${text}`);
      return;
    case "alias":
      assert.notEqual(effect.aliasId, effect.userId, `nobody is his own alias: ${text}`);
      return;
    case "watch":
    case "unwatch":
      assert.match(effect.actorId, /^[^/]+\/./, `who is watched has an id of a studio: ${text}`);
  }
}
