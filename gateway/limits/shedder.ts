/**
 * Load shedding: when events come faster than they are committed, or the log cannot take them, a
 * growing share of requests is refused at the door, at once and before their body is read, so that
 * the rest is served as ever and no queue grows.
 *
 * Four things are looked at, and the strictest counts:
 *
 * - **commit lag**, in seconds that the shards would need at their present pace. Beyond its limit the
 *   share that is let in is moved to what is being committed, less the further it is behind. Shards
 *   that commit nothing at all have lost their store: that is an outage, no overload. Then the log
 *   takes everything, until
 * - **the log's size** is near its bound;
 * - **how long accepting takes**, in this process: let in less while it is too slow and many wait for
 *   it, more again while that is not so. A disk that is slow for a few is none to shed for;
 * - **how long a request waits for its turn** before that (`turn_control.ts`). This alone tells large
 *   requests from small ones.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { TurnControl } from "./turn_control.ts";

/** How far commits are behind. */
export interface LagReading {
  /** Changes with each measurement. */
  readonly id: number;
  /** Events accepted and not committed. */
  readonly lagEvents: number;
  readonly committedPerSecond: number;
  /** Events that the log took. */
  readonly appendedPerSecond: number;
  /** Of the log's bound, 0 to 1. */
  readonly logShare: number;
}

export interface ShedderOptions {
  /** The last measurement; `undefined`: there is none yet. */
  readonly lag: () => LagReading | undefined;
  /** Milliseconds; monotonic. @default performance.now */
  readonly now?: () => number;
}

const admittedMin = limits.shedAdmittedPercentMin / 100;
const clamp = (share: number) => Math.min(1, Math.max(admittedMin, share));

/**
 * What may be let in next, by the lag.
 *
 * @param admitted what may be now
 * @param lately what was let in while it was measured
 */
export function admittedByLag(reading: LagReading, admitted: number, lately: number): number {
  const { lagEvents, committedPerSecond, appendedPerSecond } = reading;
  const isOutage = committedPerSecond < 1;
  const lagSeconds = isOutage ? 0 : lagEvents / committedPerSecond;
  const { shedLagSecondsFrom: from, shedLagSecondsFull: full } = limits;
  if (lagSeconds < from) return clamp(admitted * 1.5);
  const beyond = Math.min(1, (lagSeconds - from) / (full - from));
  const wanted = committedPerSecond * (1 - beyond / 2);
  // With nothing appended there is nothing to compare with.
  return clamp(lately * wanted / Math.max(1, appendedPerSecond));
}

/** What may be let in, by the log's size. */
export function admittedBySize({ logShare }: LagReading): number {
  const from = limits.shedLogPercentFrom / 100;
  return logShare < from ? 1 : clamp((1 - logShare) / (1 - from));
}

/** How large a request says it is; `Infinity` where that is not what it costs, or not said. */
export function declaredBytes({ method, headers }: Request): number {
  const length = headers.get("content-length");
  if (length === null) return method === "GET" || method === "HEAD" ? 0 : Infinity;
  const encoding = headers.get("content-encoding");
  return encoding === null || encoding === "identity" ? Number(length) : Infinity;
}

export class Shedder {
  readonly #now: () => number;
  /** Told of the waits for a turn. */
  readonly turns: TurnControl;
  #lagId = -1;
  /** Requests that came and those let in, since the last measurement, and between those before it. */
  #counts = { came: 0, letIn: 0 };
  readonly #countsBefore: { readonly came: number; readonly letIn: number }[] = [];
  /** Measurements running in which commits were behind and went on. */
  #behind = 0;
  #byLag = 1;
  #bySize = 1;
  #bySpeed = 1;
  #slowestMs = 0;
  #underWay = 0;
  #underWayMost = 0;
  /** Windows running in which it was too slow. */
  #slowWindows = 0;
  #windowEndsAt = 0;
  #credit = 0;

  constructor(readonly options: ShedderOptions) {
    this.#now = options.now ?? (() => performance.now());
    this.turns = new TurnControl(this.#now);
  }

  /** The share of requests that is let in now, as far as the wait for a turn allows. */
  get admitted(): number {
    return Math.min(this.#byLag, this.#bySize, this.#bySpeed);
  }

  /**
   * Whether one more request may come in. Refusals are spread evenly.
   *
   * @param bytesOf its size, asked for only where it matters. @default a large one
   */
  admits(bytesOf: () => number = () => Infinity): boolean {
    this.#look();
    this.turns.arrived();
    const admitted = Math.min(this.admitted, 1 - this.#refusedFor(bytesOf));
    const isAdmitted = admitted >= 1 || this.#isNext(admitted);
    this.#counts.came++;
    if (!isAdmitted) return false;
    this.#counts.letIn++;
    this.turns.letIn();
    return true;
  }

  #isNext(admitted: number): boolean {
    this.#credit += admitted;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  /** The share that is refused of requests of this size, by the wait for a turn. */
  #refusedFor(bytesOf: () => number): number {
    const { large, small } = this.turns.refused;
    return large === 0 ? 0 : bytesOf() > limits.shedSmallBytesMax ? large : small;
  }

  /** Events are on their way to the log; {@link accepted} follows. */
  accepting(): void {
    if (++this.#underWay > this.#underWayMost) this.#underWayMost = this.#underWay;
  }

  /** They were made durable, or not, in so long. */
  accepted(ms: number): void {
    this.#underWay--;
    if (ms > this.#slowestMs) this.#slowestMs = ms;
  }

  #look(): void {
    const now = this.#now();
    if (now >= this.#windowEndsAt) {
      const isSlow = this.#slowestMs > limits.shedAcceptMs &&
        this.#underWayMost >= limits.shedUnderWayMin;
      this.#slowWindows = isSlow ? this.#slowWindows + 1 : 0;
      if (!isSlow) this.#bySpeed = clamp(this.#bySpeed * 1.02 + 0.005);
      else if (this.#slowWindows >= limits.shedWindows) this.#bySpeed = clamp(this.#bySpeed * 0.7);
      this.#slowestMs = 0;
      this.#underWayMost = this.#underWay;
      this.#windowEndsAt = now + limits.shedWindowMs;
    }
    const reading = this.options.lag();
    if (reading === undefined || reading.id === this.#lagId) return;
    this.#lagId = reading.id;
    this.#countsBefore.push(this.#counts);
    this.#counts = { came: 0, letIn: 0 };
    if (this.#countsBefore.length * limits.lagEveryMs > limits.lagSpanMs) {
      this.#countsBefore.shift();
    }
    const next = admittedByLag(reading, this.#byLag, this.#admittedLately());
    this.#behind = next < 1 && reading.committedPerSecond >= 1 ? this.#behind + 1 : 0;
    if (next >= this.#byLag || this.#behind >= limits.shedLagReadings) this.#byLag = next;
    this.#bySize = admittedBySize(reading);
  }

  /**
   * What was let in while the measurement was taken. Its pace is that of some seconds: held against what
   * is let in only now it would say the same again and again, until nothing was.
   */
  #admittedLately(): number {
    let came = 0;
    let letIn = 0;
    for (const counts of this.#countsBefore) {
      came += counts.came;
      letIn += counts.letIn;
    }
    return came === 0 ? this.#byLag : clamp(letIn / came);
  }
}
