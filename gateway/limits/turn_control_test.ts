import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { TurnControl } from "./turn_control.ts";

/** What a request keeps the process busy for: served, or refused. */
const costMs = { served: 0.6, refused: 0.08 };
const capacity = 1000 / costMs.served;

/**
 * A process that serves one request after the other, in the order they come and without a bound, with
 * the empty request among them as the platform's part sends it.
 */
class OneQueue {
  ms = 0;
  readonly control = new TurnControl(() => this.ms);
  #arrival = 0;
  #busyUntil = 0;
  #credit = 0;
  /** When the empty request is sent; when it was. */
  #due: number | undefined = 0;
  #sentAt: number | undefined;

  /**
   * Requests come evenly, so many a second.
   *
   * @param pauseMs how long the process stands still before the n-th one. @default 0
   * @returns waits of those served, the shares that were refused meanwhile
   */
  run(seconds: number, perSecond: number, pauseMs: (n: number) => number = () => 0) {
    const until = this.#arrival + seconds * 1000;
    const waits: number[] = [];
    const shares: number[] = [];
    for (let n = 0; this.#arrival < until; n++, this.#arrival += 1000 / perSecond) {
      this.#busyUntil = this.#turnsBefore() + pauseMs(n);
      this.ms = this.#busyUntil;
      this.control.arrived();
      this.#credit += 1 - this.control.refused.large;
      const isServed = this.#credit >= 1;
      if (isServed) {
        this.#credit -= 1;
        this.control.letIn();
      }
      this.#busyUntil += isServed ? costMs.served : costMs.refused;
      if (isServed) waits.push(this.#busyUntil - this.#arrival);
      shares.push(this.control.refused.large);
    }
    const sorted = waits.toSorted((a, b) => a - b);
    return {
      p99: sorted[Math.floor(waits.length * 0.99)]!,
      longest: sorted.at(-1)!,
      served: waits.length / seconds,
      least: shares.reduce((a, b) => Math.min(a, b)),
      most: shares.reduce((a, b) => Math.max(a, b)),
    };
  }

  /** Whatever of the empty request comes before the next request. @returns when that one begins */
  #turnsBefore(): number {
    for (;;) {
      const begins = Math.max(this.#busyUntil, this.#arrival);
      if (this.#due !== undefined && this.#due <= begins) {
        this.#sentAt = this.ms = this.#due;
        this.#due = undefined;
        this.control.sent();
      } else if (this.#sentAt !== undefined && this.#sentAt <= this.#arrival) {
        this.ms = Math.max(this.#busyUntil, this.#sentAt);
        this.control.answered();
        this.#due = this.ms + limits.turnEveryMs;
        this.#sentAt = undefined;
      } else return begins;
    }
  }
}

/** A control by hand, warm unless said otherwise. */
function open(isWarm = true) {
  const at = { ms: 1000 };
  const control = new TurnControl(() => at.ms);
  /** An empty request that takes so long, and the requests of clients that come after it. */
  const turn = (ms: number, requests: number = limits.shedTurnRequestsMin) => {
    control.sent();
    at.ms += ms;
    control.answered();
    for (let i = 0; i < requests; i++) control.arrived();
    at.ms += limits.turnEveryMs;
  };
  /** Requests of clients that come, one after the other, for so long. */
  const others = (ms: number) => {
    for (let i = 0; i < ms; i++) {
      at.ms++;
      control.arrived();
    }
  };
  for (let i = 0; isWarm && i < limits.shedTurnWarmRequests; i++) control.arrived();
  turn(1);
  return { at, control, turn, others };
}

const none = { large: 0, small: 0 };
/** A window by itself. */
const lateMs = limits.shedWindowMs + 1;

Deno.test("TurnControl refuses once each of several windows running was too late", () => {
  const { control, turn } = open();
  for (let i = 1; i < limits.shedTurnWindows; i++) turn(lateMs);
  assert.deepEqual(control.refused, none);
  turn(lateMs);
  turn(limits.shedTurnMs);
  const { large, small } = control.refused;
  assert.ok(large > 0.1 && large < 0.5, `it begins with a part: ${large}`);
  assert.equal(small, 0);
});

Deno.test("TurnControl refuses more while a request waits in a queue beyond the limit, and no longer", () => {
  const { control, turn, others } = open();
  for (let i = 0; i < limits.shedTurnWindows; i++) turn(lateMs);
  turn(limits.shedTurnMs);
  const { large } = control.refused;
  control.sent();
  others(limits.shedTurnMs);
  assert.equal(control.refused.large, large);
  others(0.8 * limits.shedTurnMs);
  assert.ok(control.refused.large > 0.7 && control.refused.large < 0.85);
  others(limits.shedTurnMs);
  assert.equal(control.refused.large, 1 - limits.shedAdmittedPercentMin / 100);
  control.answered();
  turn(1);
  assert.ok(control.refused.large < 0.6, `${control.refused.large}`);
});

Deno.test("TurnControl refuses nobody for a pause, soon after the last refusal neither", () => {
  const { at, control, turn } = open();
  for (let i = 0; i < limits.shedTurnWindows; i++) turn(lateMs);
  while (control.refused.large > 0) turn(1);
  for (let second = 0; second < 10; second++) {
    control.sent();
    at.ms += 3 * limits.shedTurnMs;
    for (let i = 0; i < 20; i++) {
      control.arrived();
      assert.deepEqual(control.refused, none);
      at.ms++;
    }
    control.answered();
    assert.deepEqual(control.refused, none);
    for (let ms = 0; ms < 1000; ms += 1 + limits.turnEveryMs) turn(1);
    assert.deepEqual(control.refused, none);
  }
});

Deno.test("TurnControl takes one late window for enough soon after the last refusal, and later not", () => {
  const { control, turn } = open();
  const quiet = (seconds: number) => {
    for (let ms = 0; ms < seconds * 1000; ms += 1 + limits.turnEveryMs) turn(1);
    assert.deepEqual(control.refused, none);
  };
  // The median of three that it looks at then.
  const lateWindow = () => [0, 1].forEach(() => turn(lateMs));
  for (let i = 0; i < limits.shedTurnWindows; i++) turn(lateMs);
  for (const seconds of [8, 12]) {
    quiet(seconds);
    lateWindow();
    assert.ok(control.refused.large > 0.3, `${seconds} s later: ${control.refused.large}`);
  }
  quiet(30);
  lateWindow();
  assert.deepEqual(control.refused, none);
});

Deno.test("TurnControl refuses nothing for single pauses, however long or many", () => {
  const { control, turn } = open();
  for (let i = 0; i < 100; i++) {
    turn(i % 10 === 0 ? 3000 : lateMs);
    for (let calm = 0; calm < 5; calm++) turn(1);
    assert.deepEqual(control.refused, none);
  }
});

Deno.test("TurnControl takes one wait for enough that goes on while others are served, and no pause", () => {
  const { at, control, turn, others } = open();
  control.sent();
  others(limits.shedTurnMoments * limits.shedTurnMomentMs - 1);
  assert.deepEqual(control.refused, none);
  others(1);
  assert.equal(control.refused.large, 1 - limits.shedAdmittedPercentMin / 100);
  at.ms += limits.shedTurnMs;
  control.answered();
  // What is slow, within the limit, is let in.
  for (let i = 0; i < 100; i++) {
    turn(limits.shedTurnMs);
    assert.deepEqual(control.refused, none);
  }

  const paused = open();
  paused.control.sent();
  // Nobody is served for a second; then all are, the empty request soon after.
  paused.at.ms += 1000;
  for (let i = 0; i < 500; i++) paused.control.arrived();
  paused.at.ms += 90;
  paused.control.answered();
  for (let i = 0; i < 20; i++) paused.turn(1);
  assert.deepEqual(paused.control.refused, none);
});

Deno.test("TurnControl refuses nothing of code that has hardly run, or where hardly anybody asks", () => {
  const cold = open(false);
  for (let i = 0; i < 50; i++) cold.turn(lateMs);
  assert.deepEqual(cold.control.refused, none);
  const idle = open();
  for (let i = 0; i < 50; i++) idle.turn(lateMs, limits.shedTurnRequestsMin - 1);
  assert.deepEqual(idle.control.refused, none);
});

Deno.test("TurnControl refuses small requests once nearly all large ones are, and never all", () => {
  const { control, turn } = open();
  for (let i = 0; i < 500; i++) {
    turn(2000);
    const { large, small } = control.refused;
    assert.ok(small === 0 || large === 1 - limits.shedAdmittedPercentMin / 100);
  }
  const { large, small } = control.refused;
  assert.equal(small, large);
  for (let i = 0; i < 2000; i++) turn(1);
  assert.deepEqual(control.refused, none);
});

Deno.test("TurnControl lets go when the requests end, though the machine stays slow", () => {
  const { control, turn } = open();
  for (let i = 0; i < 20; i++) turn(lateMs);
  assert.ok(control.refused.large > 0);
  for (let i = 0; i < 100; i++) turn(lateMs, 0);
  assert.deepEqual(control.refused, none);
});

Deno.test("TurnControl takes what a process can serve, pauses included", () => {
  const queue = new OneQueue();
  // Nine tenths, and three times a second a pause of 30 to 60 ms.
  const pauseMs = (n: number) => n % 500 === 0 ? 30 + n % 31 : 0;
  const { most, p99 } = queue.run(60, capacity * 0.85, pauseMs);
  assert.equal(most, 0);
  assert.ok(p99 > 50, `it was paused: ${p99}`);
});

for (const times of [1.1, 1.5, 2, 4]) {
  Deno.test(`TurnControl holds the wait at its target, evenly, at ${times} times the capacity`, () => {
    const queue = new OneQueue();
    const perSecond = capacity * times;
    queue.run(10, capacity * 0.5);
    const { longest } = queue.run(10, perSecond);
    assert.ok(longest <= 250, `the first that are too many: ${longest}`);
    const { p99, served, least, most } = queue.run(60, perSecond);
    assert.ok(p99 <= 3 * limits.shedTurnTargetMs, `p99 ${p99}`);
    // Refusing costs, too: what can be served is a little less.
    const possible = (1000 - perSecond * costMs.refused) / (costMs.served - costMs.refused);
    assert.ok(served >= 0.95 * possible, `served ${served} of ${possible}`);
    assert.ok(most - least < 0.2, `shares from ${least} to ${most}`);
    const after = queue.run(20, capacity * 0.5);
    assert.ok(after.p99 <= limits.shedTurnTargetMs && after.least === 0, `after: ${after.p99}`);
  });
}

Deno.test("TurnControl lets in half of what it did where refusing does not help", () => {
  const { at, control } = open();
  let credit = 0;
  // A thousand requests a second; what they wait is somebody else's doing.
  const seconds = (count: number, waitMs: number) => {
    let served = 0;
    for (let turn = 0; turn < count * 10; turn++) {
      control.sent();
      at.ms += waitMs;
      control.answered();
      for (let i = 0; i < 100; i++) {
        control.arrived();
        credit += 1 - control.refused.large;
        if (credit < 1) continue;
        credit -= 1;
        served++;
        control.letIn();
      }
      at.ms += 100 - waitMs;
    }
    return served / count;
  };
  assert.equal(seconds(1, 10), 1000);
  seconds(1.5, 2 * limits.shedTurnMs);
  const perSecond = seconds(60, limits.shedTurnMs - 5);
  assert.ok(perSecond > 350 && perSecond < 650, `${perSecond} of 1000`);
  assert.ok(
    seconds(60, 2 * limits.shedTurnMs) < perSecond / 2,
    "less while it waits as long as at first",
  );
});
