/**
 * Whether those whose sockets and streams stay open may still have them: a key may be revoked, a token
 * expires. A request shows its key each time; these have shown it once.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Principal } from "../../schema/principal.ts";
import type { Keys } from "../auth.ts";
import { mayUse } from "../http/cors.ts";

export interface StandingOptions {
  readonly keys: Keys;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** How often is looked. @default limits.standingLookMs */
  readonly lookMs?: number;
}

/** What somebody has shown once. */
export interface Shown {
  readonly token: string;
  readonly principal: Principal;
  /** Of the page it was shown from; `null`: of none. */
  readonly origin: string | null;
}

interface Holder extends Shown {
  readonly end: () => void;
}

export class Standing {
  readonly #holders = new Set<Holder>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(readonly options: StandingOptions) {}

  get size(): number {
    return this.#holders.size;
  }

  /**
   * Looks after a connection until it is let go.
   *
   * @param end called once, when what was shown is good no more
   * @returns lets it go; further calls do nothing
   */
  watch(shown: Shown, end: () => void): () => void {
    const holder: Holder = { ...shown, end };
    this.#holders.add(holder);
    this.#timer ??= setInterval(() => this.#look(), this.options.lookMs ?? limits.standingLookMs);
    return () => this.#letGo(holder);
  }

  #letGo(holder: Holder): void {
    this.#holders.delete(holder);
    if (this.#holders.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = this.options.now();
    // A key that ships inside a game holds most of the connections there are: it is asked for once.
    const known = new Map<string, Principal | undefined>();
    for (const holder of [...this.#holders]) {
      if (this.#isGood(holder, now, known)) continue;
      this.#letGo(holder);
      holder.end();
    }
  }

  #isGood({ token, principal, origin }: Holder, now: number, known: KnownTokens): boolean {
    // A token says itself how long it is good; verifying it again would say nothing else.
    if (principal.until !== undefined) return now < principal.until;
    if (!known.has(token)) known.set(token, this.#resolve(token, principal));
    const found = known.get(token);
    return found !== undefined && mayUse(found, origin);
  }

  /** @param before who it was, and still is as long as nothing can be said of it */
  #resolve(token: string, before: Principal): Principal | undefined {
    try {
      const found = this.options.keys.resolve(token);
      if (!(found instanceof Promise)) return found;
      found.catch(() => {});
      return before;
    } catch (error) {
      if (error instanceof Unavailable) return before;
      throw error;
    }
  }
}

type KnownTokens = Map<string, Principal | undefined>;
