/**
 * How long a request waits for its turn before any handler sees it, and what is refused for it.
 *
 * The runtime queues connections before JavaScript hears of them: a process that has more requests
 * than it can serve still runs its timers in time, while each request waits for a tenth of a second
 * and more. So an empty request of the process to itself goes the same way, again and again, and
 * says how long that takes.
 *
 * - **What counts is the median of the last few.** After a collection of garbage, or where threads take
 *   turns on a small machine, one waits long and the next does not; where a queue stands, most do.
 *   Only after several windows running is it one.
 * - **Then a share is refused that keeps the wait at its target**, by an integral and a proportional
 *   term, as PIE does with packets (RFC 8033): more while it is above, less while it is below. Large
 *   requests first; small ones, which cost little more to serve than to refuse, once that is not enough.
 * - **A wait beyond the limit is answered at once** by refusing more for as long as it lasts: what is let
 *   in then would be late, and the terms above take half a second to say so. Only one in which others
 *   are served, again and again: in a pause of the process nobody is, and all who waited for its end
 *   would be refused for it.
 * - **So are the first that are too many**, once one of them waits for long so. It is not yet a reason
 *   for a share.
 * - **Once it was too much it is for a while**: for some seconds after the last refusal a single window
 *   that is late suffices. Load of more than a process can serve comes and goes with what the machine
 *   has left for it, and each time had the first half second for itself.
 * - **Half of what was served when it began is served still.** Where it is other programs that keep the
 *   process waiting, refusing more and more would not help; what is served becomes less only while the
 *   wait stays as long as it was.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";

/** Shares that are refused now, 0 to 1. */
export interface RefusedShares {
  readonly large: number;
  readonly small: number;
}

/** Change of the level per second and times of the target; per times of the target that it grew. */
const integralGain = 0.25;
const proportionalGain = 0.02;
/** Beyond so many times of the target, too long is too long. */
const errorMax = 4;
/** After so many windows running in which nobody waited, letting in again is so many times quicker. */
const calmWindows = 20;
const calmGain = 4;
/** Of what was served when it began; what is left of it after a window that was as late as then. */
const servedLeast = 0.5;
const servedLeastLater = 0.99;
/** Of large requests, once it is decided that some are refused. */
const levelFrom = 0.35;
/** A wait in which others were served at so many moments is one in a queue, and no pause. */
const queueMoments = 3;
/** How long after the last refusal it needs no several windows again. */
const watchfulMs = 15_000;
/** A window that was longer tells no more. */
const stepSecondsMax = 0.25;

const refusedMax = 1 - limits.shedAdmittedPercentMin / 100;
const within = (value: number, most: number) => Math.min(most, Math.max(-most, value));

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** A window that has ended. */
interface Seen {
  /** Median of the last waits; 0 where hardly anybody asked. */
  readonly waitMs: number;
  readonly windowMs: number;
  /** Requests of clients that were let in. */
  readonly served: number;
}

export class TurnControl {
  /** 0: nothing is refused; 1: all large requests that may be; 2: the small ones, too. */
  #level = 0;
  /** A wait in a queue beyond the limit is answered at once. */
  #isWatchful = false;
  /** And a share is refused, or was lately. */
  #isOn = false;
  /** For how long nothing has been refused. */
  #quietMs = 0;
  /** When the request on its way began to wait. */
  #sentAt: number | undefined;
  /** Moments since then, some way apart, at which others were served; when the last one was. */
  #moments = 0;
  #momentAt = 0;
  /** Requests let in since then. */
  #servedSince = 0;
  /** The last wait that was answered, milliseconds; 0: it was none in a queue. */
  #queuedMs = 0;
  /** The last waits, the oldest first. */
  readonly #waits: number[] = [];
  /** Their median a window before. */
  #before = 0;
  /** Windows running in which it was too long. */
  #late = 0;
  /** Windows running in which nobody waited. */
  #calm = 0;
  #windowFrom = 0;
  /** Requests let in and milliseconds of those windows. */
  #lateServed = 0;
  #lateMs = 0;
  /** Requests a second that are let in, whatever they wait. */
  #servedLeast = 0;
  /** Requests of clients: in this window, and until the code was warm. */
  #requests = 0;
  #served = 0;
  #seen = 0;

  /** @param now milliseconds; monotonic */
  constructor(readonly now: () => number) {}

  get refused(): RefusedShares {
    return {
      large: Math.min(1, Math.max(this.#level, this.#brake)) * refusedMax,
      small: Math.max(0, this.#level - 1) * refusedMax,
    };
  }

  /** What the wait of this moment asks for: all at twice the limit, none up to it. */
  get #brake(): number {
    // Hardly anybody asks, or too little was served lately.
    if (!this.#isWatchful || this.#before === 0) return 0;
    const now = this.now();
    if (this.#served < this.#servedLeast * (now - this.#windowFrom) / 1000) return 0;
    return Math.max(this.#queuedMs, this.#queuedFor(now)) / limits.shedTurnMs - 1;
  }

  /** How long the request on its way has waited in a queue. */
  #queuedFor(now: number): number {
    return this.#sentAt === undefined || this.#moments < queueMoments ? 0 : now - this.#sentAt;
  }

  /** The empty request is sent; {@link answered} or {@link failed} follows. */
  sent(): void {
    this.#sentAt = this.#momentAt = this.now();
    this.#moments = this.#servedSince = 0;
  }

  /** @returns how long it took, milliseconds */
  answered(): number {
    const now = this.now();
    const tookMs = now - (this.#sentAt ?? now);
    this.#queuedMs = this.#queuedFor(now);
    this.#sentAt = undefined;
    this.#waited(tookMs, now);
    return tookMs;
  }

  /** It was not answered, which says nothing. */
  failed(): void {
    this.#queuedMs = 0;
    this.#sentAt = undefined;
  }

  /** A client's request has come to its turn. */
  arrived(): void {
    this.#requests++;
    if (this.#seen < limits.shedTurnWarmRequests) this.#seen++;
    if (this.#sentAt === undefined) return;
    const now = this.now();
    this.#countMoment(now, now - this.#sentAt);
    // It waits still, and takes so long at least.
    const queuedMs = this.#queuedFor(now);
    const isWindow = now - this.#windowFrom >= limits.shedWindowMs;
    if (queuedMs > limits.shedWindowMs && isWindow) this.#waited(queuedMs, now);
  }

  /** It is let in. */
  letIn(): void {
    this.#served++;
    this.#servedSince++;
  }

  /** However long the process stands still, it is one moment. */
  #countMoment(now: number, waitedMs: number): void {
    if (now - this.#momentAt < limits.shedTurnMomentMs) return;
    this.#momentAt = now;
    this.#moments++;
    if (this.#isWatchful || this.#moments < limits.shedTurnMoments || !this.#isWarm) return;
    this.#before = waitedMs;
    this.#watch(this.#servedSince / (waitedMs / 1000));
  }

  get #isWarm(): boolean {
    return this.#seen >= limits.shedTurnWarmRequests;
  }

  #watch(servedPerSecond: number): void {
    // What is served while waits are answered is less than what can be.
    if (!this.#isWatchful) this.#servedLeast = servedLeast * servedPerSecond;
    this.#isWatchful = true;
    this.#quietMs = 0;
  }

  #waited(ms: number, now: number): void {
    this.#waits.push(ms);
    if (this.#waits.length > limits.shedTurnWaits) this.#waits.shift();
    const windowMs = now - this.#windowFrom;
    if (windowMs < limits.shedWindowMs) return;
    const requests = this.#requests;
    // What is refused already is to follow at once; whether anything is, is slow to change.
    const medianMs = medianOf(this.#isOn ? this.#waits.slice(-3) : this.#waits);
    // With hardly any requests it is not they who wait for each other.
    const waitMs = requests < limits.shedTurnRequestsMin ? 0 : medianMs;
    const seen = { waitMs, windowMs, served: this.#served };
    this.#windowFrom = now;
    this.#requests = this.#served = 0;
    if (this.#level > 0) this.#move(seen);
    else this.#look(seen);
    this.#before = waitMs;
    if (this.#isWatchful) this.#calmDown(windowMs);
  }

  /** Whether a share is to be refused. */
  #look({ waitMs, windowMs, served }: Seen): void {
    if (waitMs <= limits.shedTurnMs || !this.#isWarm) {
      this.#late = this.#lateServed = this.#lateMs = 0;
      return;
    }
    this.#lateServed += served;
    this.#lateMs += windowMs;
    if (++this.#late < limits.shedTurnWindows && !this.#isOn) return;
    this.#watch(this.#lateServed / (this.#lateMs / 1000));
    this.#isOn = true;
    this.#level = levelFrom;
  }

  /** What share it is to be. */
  #move({ waitMs, windowMs, served }: Seen): void {
    const target = limits.shedTurnTargetMs;
    const error = within((waitMs - target) / target, errorMax);
    const growth = within((waitMs - this.#before) / target, errorMax);
    const seconds = Math.min(stepSecondsMax, windowMs / 1000);
    this.#calm = waitMs < target / 4 ? this.#calm + 1 : 0;
    const gain = integralGain * seconds * (this.#calm > calmWindows ? calmGain : 1);
    const step = gain * error + proportionalGain * growth;
    if (waitMs > limits.shedTurnMs) this.#servedLeast *= servedLeastLater;
    const tooFew = Math.max(0, 1 - served / (this.#servedLeast * windowMs / 1000));
    this.#level += tooFew > 0 ? Math.min(step, -gain * tooFew) : step;
    if (tooFew === 0 && waitMs > limits.shedTurnMs) this.#level = Math.max(levelFrom, this.#level);
    this.#level = Math.max(0, Math.min(2, this.#level));
  }

  /** Nothing is watched any more once nothing was refused for long. */
  #calmDown(windowMs: number): void {
    this.#quietMs = this.#level > 0 ? 0 : this.#quietMs + windowMs;
    if (this.#quietMs < watchfulMs) return;
    this.#isOn = this.#isWatchful = false;
    this.#late =
      this.#lateServed =
      this.#lateMs =
      this.#calm =
        0;
  }
}
