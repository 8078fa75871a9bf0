/**
 * The error classes. The class is the retry policy: whoever catches one does not look at messages.
 *
 * | class | policy |
 * |---|---|
 * | {@link InvalidInput} | the sender's fault: answer it or dead-letter it, never retry |
 * | {@link Unavailable} | transient, nothing happened: retry with backoff, pause what feeds you |
 * | {@link OutcomeUnknown} | it may have happened: never repeat blindly; retake, or let the idempotency key decide |
 * | {@link Fenced} | another owner has taken over: drop everything and stop |
 * | {@link Misdirected} | asked a node that does not own the shard: look up the owner, ask it |
 * | {@link Terminal} | nobody can mend it by retrying: stop loudly |
 * | {@link ActorHalted} | one actor stands still until an operator restarts it: answer it, park its messages |
 * | {@link InvariantBroken} | our own state is wrong: crash the actor and rebuild it |
 *
 * @module
 */

/** Base of all errors of the platform. `code` is stable; `isPublic` says whether clients may see the message. */
export abstract class PlatformError extends Error {
  abstract readonly code: string;
  readonly isPublic: boolean = false;
}

/** The input is wrong. `path` names the field. Its message may be shown to the sender. */
export class InvalidInput extends PlatformError {
  override readonly name = "InvalidInput";
  override readonly isPublic = true;
  constructor(readonly code: string, message: string, readonly path: string = "") {
    super(message);
  }
}

/** A resource is away and nothing was done. */
export class Unavailable extends PlatformError {
  override readonly name = "Unavailable";
  readonly code = "unavailable";
  /** `resource` is the part that `/health/ready` would name: `log`, `store`, `shard` … */
  constructor(readonly resource: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A write was sent and its answer never came. */
export class OutcomeUnknown extends PlatformError {
  override readonly name = "OutcomeUnknown";
  readonly code = "outcome_unknown";
  constructor(readonly resource: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The epoch or offset of this owner is no longer the shard's. */
export class Fenced extends PlatformError {
  override readonly name = "Fenced";
  readonly code = "fenced";
}

/** A node was asked for a shard that it does not own: HTTP 421. Nothing happened. */
export class Misdirected extends PlatformError {
  override readonly name = "Misdirected";
  readonly code = "misdirected";
}

/** An offset that the log should hold is not there (trimmed, or never written). Never reset past it. */
export class OffsetMissing extends PlatformError {
  override readonly name = "OffsetMissing";
  readonly code = "offset_missing";
  constructor(
    readonly topic: string,
    readonly partition: number,
    readonly offset: number,
    range: string,
  ) {
    super(`Cannot read ${topic}/${partition} at offset ${offset}: the log holds ${range}`);
  }
}

/** Cannot be mended by trying again. */
export class Terminal extends PlatformError {
  override readonly name = "Terminal";
  constructor(readonly code: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** One actor is halted; everybody else goes on. Trying again helps only once it was restarted. */
export class ActorHalted extends PlatformError {
  override readonly name = "ActorHalted";
  readonly code = "actor_halted";
  constructor(readonly actorId: string, readonly reason: string) {
    super(`Actor ${actorId} is halted, restart it once the cause is mended: ${reason}`);
  }
}

/** A bug of ours made state inconsistent. */
export class InvariantBroken extends PlatformError {
  override readonly name = "InvariantBroken";
  readonly code = "invariant_broken";
}
