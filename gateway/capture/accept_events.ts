/**
 * The one way in: validates events, makes the good ones durable, dead-letters the bad ones.
 * Every capture protocol ends here.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import type { DeadLetter, PlayerEvent } from "../../schema/event.ts";
import { type EventScope, validateEvent } from "../../schema/event_validation.ts";
import { limits } from "../../schema/limits.ts";
import { Rejection, type RejectionCode } from "../../schema/rejection.ts";
import { defaultGameOf, type Principal } from "../auth.ts";
import type { GatewayDeps, Protocol } from "../deps.ts";
import type { RateFields } from "../limits/rate_limits.ts";
import { overloaded } from "../problem.ts";
import { Deadline } from "./deadline.ts";
import { BrokenLine } from "./decode_events.ts";
import { deadLetterOf } from "./dead_letter.ts";

/** One refused event in an answer. */
export interface RejectedEvent {
  /** Position in the request, from 0. */
  readonly index: number;
  readonly code: RejectionCode;
  readonly path: string;
  readonly message: string;
}

/** What became of a request's events: a verdict on each, or nothing is known to be durable. */
export type AcceptOutcome =
  | {
    readonly accepted: number;
    readonly rejected: readonly RejectedEvent[];
    /** What the answer may tell of the sender's limit. */
    readonly rate?: RateFields;
  }
  | { readonly failure: "unavailable" | "outcome_unknown" };

/** The events of one request. `textBytes` is the size of the text that held them all. */
export interface EventBatch {
  readonly principal: Principal;
  /** Native events, still unvalidated; a {@link Rejection} is one that could not be made native. */
  readonly items: readonly unknown[];
  /** What dead letters show in place of the items: the events as their sender wrote them. */
  readonly sources?: readonly unknown[];
  readonly textBytes: number;
  readonly protocol: Protocol;
}

export interface Acceptor {
  /** @throws {Problem} 429, or 503 for a message of a WebSocket that is shed */
  accept(batch: EventBatch): Promise<AcceptOutcome>;
  /**
   * Writes dead letters and counts them. It never fails: they are a service to the operator, and
   * losing one does not change what its sender is told.
   */
  deadLetter(letters: readonly DeadLetter[]): Promise<void>;
}

/** Why an item was refused before it could be validated. */
function refusalOf(item: unknown): Rejection | undefined {
  if (item instanceof BrokenLine) return item.rejection;
  return item instanceof Rejection ? item : undefined;
}

/** The games a principal may write. Without `createGames`, `"*"` is the right to read. */
function writableGames(principal: Principal): EventScope["games"] {
  if (principal.games !== "*") return principal.games;
  return principal.createGames ? "*" : new Set();
}

/** What validation makes of a batch. */
interface Judged {
  readonly events: PlayerEvent[];
  readonly rejected: RejectedEvent[];
  readonly letters: DeadLetter[];
}

function judged({ items, sources = items }: EventBatch, scope: EventScope): Judged {
  const events: PlayerEvent[] = [];
  const rejected: RejectedEvent[] = [];
  const letters: DeadLetter[] = [];
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    const verdict = refusalOf(item) ?? validateEvent(item, scope);
    if (!(verdict instanceof Rejection)) {
      events.push(verdict);
      continue;
    }
    const { code, path, message } = verdict;
    rejected.push({ index, code, path, message });
    letters.push(deadLetterOf(scope.studio, sources[index], verdict));
  }
  return { events, rejected, letters };
}

/**
 * @param acceptTimeoutMs how long the log may take. @default limits.acceptTimeoutMs
 */
export function createAcceptor(
  deps: Omit<GatewayDeps, "keys">,
  acceptTimeoutMs: number = limits.acceptTimeoutMs,
): Acceptor {
  const { platform, now, newId, metrics, log, rates, shedder } = deps;
  const late = `The log did not answer in ${acceptTimeoutMs} ms`;
  const deadline = new Deadline(acceptTimeoutMs, () => new OutcomeUnknown("log", late));

  async function deadLetter(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) metrics.eventsRejected(letter.code, 1);
    try {
      await deadline.bound(platform.reject(letters));
    } catch (error) {
      metrics.deadLettersLost(letters.length);
      log.warn("Dead letters were lost", { letters: letters.length, error: String(error) });
    }
  }

  /** `undefined` when the events are durable. */
  async function makeDurable(
    events: readonly PlayerEvent[],
  ): Promise<"unavailable" | "outcome_unknown" | undefined> {
    try {
      await deadline.bound(platform.accept(events));
      return undefined;
    } catch (error) {
      log.warn("Events were not accepted", { events: events.length, error: String(error) });
      // Only Unavailable promises that nothing was written.
      return error instanceof Unavailable ? "unavailable" : "outcome_unknown";
    }
  }

  async function accept(batch: EventBatch): Promise<AcceptOutcome> {
    const { principal, items, textBytes, protocol } = batch;
    // Over HTTP it was decided at the door.
    if (protocol === "ws" && shedder?.admits(() => textBytes) === false) {
      metrics.shed();
      throw overloaded();
    }
    const rate = rates?.charge(principal, items.length);
    const startedAt = now();
    const defaultGame = defaultGameOf(principal);
    const scope: EventScope = {
      studio: principal.studio,
      games: writableGames(principal),
      ...(defaultGame === undefined ? {} : { defaultGame }),
      now: startedAt,
      newId,
      textBytes,
    };
    const { events, rejected, letters } = judged(batch, scope);
    // Neither of the two throws, so that what begins here ends below.
    shedder?.accepting();
    // Together, so that both share one group commit of the log.
    const lettersWritten = letters.length > 0 ? deadLetter(letters) : undefined;
    const failure = events.length > 0 ? await makeDurable(events) : undefined;
    await lettersWritten;
    shedder?.accepted(now() - startedAt);
    if (failure !== undefined) return { failure };
    if (events.length > 0) {
      metrics.eventsAccepted(protocol, events.length, (now() - startedAt) / 1000);
    }
    return rate === undefined
      ? { accepted: events.length, rejected }
      : { accepted: events.length, rejected, rate };
  }

  return { accept, deadLetter };
}
