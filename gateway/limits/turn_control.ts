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
 *   in then would be late, and the terms above take half a second to say so.
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
  /** Of the last waits. */
  readonly medianMs: number;
  readonly windowMs: number;
  /** Requests of clients that came to their turn. */
  readonly requests: number;
  /** Those of them that were let in. */
  readonly served: number;
}

export class TurnControl {
  /** 0: nothing is refused; 1: all large requests that may be; 2: the small ones, too. */
  #level = 0;
  /** Something is refused, or was lately. */
  #isOn = false;
  /** For how long nothing has been refused. */
  #quietMs = 0;
  /** When the request on its way began to wait. */
  #sentAt: number | undefined;
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
    if (!this.#isOn || this.#before === 0) return 0;
    const now = this.now();
    if (this.#served < this.#servedLeast * (now - this.#windowFrom) / 1000) return 0;
    const waitsMs = this.#sentAt === undefined ? 0 : now - this.#sentAt;
    return Math.max(waitsMs, this.#waits.at(-1) ?? 0) / limits.shedTurnMs - 1;
  }

  /** The empty request is sent; {@link answered} or {@link failed} follows. */
  sent(): void {
    this.#sentAt = this.now();
  }

  /** @returns how long it took, milliseconds */
  answered(): number {
    const now = this.now();
    const tookMs = now - (this.#sentAt ?? now);
    this.#sentAt = undefined;
    this.#waited(tookMs, now);
    return tookMs;
  }

  /** It was not answered, which says nothing. */
  failed(): void {
    this.#sentAt = undefined;
  }

  /** A client's request has come to its turn. */
  arrived(): void {
    this.#requests++;
    if (this.#seen < limits.shedTurnWarmRequests) this.#seen++;
    if (this.#sentAt === undefined) return;
    // While others are served it waits still: no pause of the process, and it takes so long at least.
    const now = this.now();
    const waitedMs = now - this.#sentAt;
    const isWindow = now - this.#windowFrom >= limits.shedWindowMs;
    if (waitedMs > limits.shedWindowMs && isWindow) this.#waited(waitedMs, now);
  }

  /** It is let in. */
  letIn(): void {
    this.#served++;
  }

  #waited(ms: number, now: number): void {
    this.#waits.push(ms);
    if (this.#waits.length > limits.shedTurnWaits) this.#waits.shift();
    const windowMs = now - this.#windowFrom;
    if (windowMs < limits.shedWindowMs) return;
    const requests = this.#requests;
    const served = this.#served;
    // What is refused already is to follow at once; whether anything is, is slow to change.
    const medianMs = medianOf(this.#isOn ? this.#waits.slice(-3) : this.#waits);
    const seen = { medianMs, windowMs, requests, served };
    this.#windowFrom = now;
    this.#requests = this.#served = 0;
    if (this.#isOn) this.#move(seen);
    else this.#look(seen);
  }

  #look({ medianMs, windowMs, requests, served }: Seen): void {
    const isWarm = this.#seen >= limits.shedTurnWarmRequests;
    if (medianMs <= limits.shedTurnMs || requests < limits.shedTurnRequestsMin || !isWarm) {
      this.#late = this.#lateServed = this.#lateMs = 0;
      return;
    }
    this.#lateServed += served;
    this.#lateMs += windowMs;
    if (++this.#late < limits.shedTurnWindows) return;
    this.#isOn = true;
    this.#level = levelFrom;
    this.#before = medianMs;
    this.#servedLeast = servedLeast * this.#lateServed / (this.#lateMs / 1000);
  }

  #move({ medianMs, windowMs, requests, served }: Seen): void {
    const target = limits.shedTurnTargetMs;
    // With hardly any requests it is not they who wait for each other.
    const waitMs = requests < limits.shedTurnRequestsMin ? 0 : medianMs;
    const error = within((waitMs - target) / target, errorMax);
    const growth = within((waitMs - this.#before) / target, errorMax);
    this.#before = waitMs;
    const seconds = Math.min(stepSecondsMax, windowMs / 1000);
    this.#calm = waitMs < target / 4 ? this.#calm + 1 : 0;
    const gain = integralGain * seconds * (this.#calm > calmWindows ? calmGain : 1);
    const step = gain * error + proportionalGain * growth;
    if (waitMs > limits.shedTurnMs) this.#servedLeast *= servedLeastLater;
    const tooFew = Math.max(0, 1 - served / (this.#servedLeast * windowMs / 1000));
    this.#level += tooFew > 0 ? Math.min(step, -gain * tooFew) : step;
    if (tooFew === 0 && waitMs > limits.shedTurnMs) this.#level = Math.max(levelFrom, this.#level);
    this.#level = Math.max(0, Math.min(2, this.#level));
    this.#quietMs = this.#level > 0 ? 0 : this.#quietMs + windowMs;
    if (this.#quietMs < watchfulMs) return;
    this.#quietMs =
      this.#late =
      this.#lateServed =
      this.#lateMs =
      this.#calm =
        0;
    this.#isOn = false;
  }
}
