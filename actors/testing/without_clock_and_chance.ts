/**
 * A behaviour that is caught when it looks at the clock or throws dice.
 *
 * @module
 */
import type { Behaviour } from "../kernel/behaviour.ts";

function forbid(what: string): () => never {
  return () => {
    throw new TypeError(
      `A behaviour must not use ${what}: take time and identity from the message`,
    );
  };
}

const RealDate = Date;

class NoClockDate extends RealDate {
  constructor(...values: unknown[]) {
    if (values.length === 0) forbid("new Date()")();
    super(...values as [number]);
  }
  static override now: () => number = forbid("Date.now()");
}

/** Runs `call` while clock and randomness throw. Synchronous, so nobody else notices. */
function strictly<T>(call: () => T): T {
  const { random } = Math;
  const { now } = performance;
  const { randomUUID, getRandomValues } = crypto;
  try {
    globalThis.Date = NoClockDate as DateConstructor;
    Math.random = forbid("Math.random()");
    performance.now = forbid("performance.now()");
    crypto.randomUUID = forbid("crypto.randomUUID()");
    crypto.getRandomValues = forbid("crypto.getRandomValues()");
    return call();
  } finally {
    globalThis.Date = RealDate;
    Math.random = random;
    performance.now = now;
    Object.assign(crypto, { randomUUID, getRandomValues });
  }
}

/** The same behaviour, with clock and randomness out of its reach in every call. */
export function withoutClockAndChance<State, Message, Query, Answer>(
  behaviour: Behaviour<State, Message, Query, Answer>,
): Behaviour<State, Message, Query, Answer> {
  return {
    kind: behaviour.kind,
    version: behaviour.version,
    durability: behaviour.durability,
    create: (actorId) => strictly(() => behaviour.create(actorId)),
    receive: (state, message, ctx) => strictly(() => behaviour.receive(state, message, ctx)),
    ask: (state, query, ctx) => strictly(() => behaviour.ask(state, query, ctx)),
    snapshot: (state) => strictly(() => behaviour.snapshot(state)),
    describe: (state) => strictly(() => behaviour.describe(state)),
    restore: (actorId, parts) => strictly(() => behaviour.restore(actorId, parts)),
    bytes: (state) => strictly(() => behaviour.bytes(state)),
  };
}
