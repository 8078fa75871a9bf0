/**
 * A shadow: another version of a behaviour that is fed what the first one applies. Its state and
 * effects are compared and never kept or emitted, so a new version is tried on live traffic before it
 * is trusted with it.
 *
 * @module
 */
import type { Effect, MessageContext } from "../../../actors/kernel/behaviour.ts";
import { fingerprint } from "../../../schema/hash.ts";
import type { AnyBehaviour } from "../stage.ts";

export interface ShadowOptions {
  /** Share of the actors that have a shadow, 0 to 1; the same ones in every run. @default 0.05 */
  readonly share?: number;
  /** Shadows held at most; who comes later has none. @default 10_000 */
  readonly actorsMax?: number;
  /** Compares whole states after each message, too: both versions must write the same form. @default true */
  readonly compareState?: boolean;
}

/** Where an actor's shadow first parted from it. From then on the actor is left alone. */
export interface ShadowDifference {
  readonly actor_id: string;
  /** `partition:offset` of the message. */
  readonly position: string;
  /** `restore`: the shadow cannot read the state; `throw`: it threw at the message. */
  readonly what: "effects" | "state" | "restore" | "throw";
  /** JSON text, cut at 2,000 characters. */
  readonly expected: string;
  readonly got: string;
}

export interface ShadowReport {
  readonly version: number;
  readonly share: number;
  /** Actors with a shadow, and those without one as there were too many. */
  readonly actors: number;
  readonly skipped: number;
  readonly messages: number;
  /** Actors whose shadow parted from them. */
  readonly different: number;
  /** The first of them, at most 100. */
  readonly differences: readonly ShadowDifference[];
}

const differencesMax = 100;
const textMax = 2000;

interface ShadowActor {
  state: unknown;
  /** Of its last message: a replay of earlier ones is nothing new. */
  offset: number;
}

/** What the first version is about to do, as {@link Shadow.after} needs it. */
export interface Before {
  readonly actor: ShadowActor;
}

export class Shadow {
  readonly #behaviour: AnyBehaviour;
  readonly #share: number;
  readonly #actorsMax: number;
  readonly #compareState: boolean;
  readonly #actors = new Map<string, ShadowActor>();
  /** Those that parted; they cost nothing any more. */
  readonly #parted = new Set<string>();
  readonly #differences: ShadowDifference[] = [];
  #skipped = 0;
  #messages = 0;

  constructor(behaviour: AnyBehaviour, options: ShadowOptions = {}) {
    this.#behaviour = behaviour;
    this.#share = options.share ?? 0.05;
    this.#actorsMax = options.actorsMax ?? 10_000;
    this.#compareState = options.compareState ?? true;
  }

  /**
   * Before the first version, `primary`, receives a message: the actor's shadow begins as a copy of
   * its state now.
   *
   * @returns what to hand to {@link after}; `undefined` when the message is none of the shadow's
   */
  before(primary: AnyBehaviour, state: unknown, ctx: MessageContext): Before | undefined {
    const { actorId, offset } = ctx;
    const known = this.#actors.get(actorId);
    if (known !== undefined) return offset > known.offset ? { actor: known } : undefined;
    if (!this.#isChosen(actorId) || this.#parted.has(actorId)) return undefined;
    if (this.#actors.size + this.#parted.size >= this.#actorsMax) {
      this.#skipped++;
      return undefined;
    }
    const parts = primary.describe(state);
    try {
      return { actor: { state: this.#behaviour.restore(actorId, parts), offset: -1 } };
    } catch (error) {
      this.#part(ctx, "restore", parts, String(error));
      return undefined;
    }
  }

  /** After the first version has received the message without a throw. */
  after(
    { actor }: Before,
    primary: AnyBehaviour,
    state: unknown,
    message: unknown,
    ctx: MessageContext,
    effects: readonly Effect[] | undefined,
  ): void {
    this.#messages++;
    this.#actors.set(ctx.actorId, actor);
    actor.offset = ctx.offset;
    let own: readonly Effect[] | undefined;
    try {
      own = this.#behaviour.receive(actor.state, message, ctx);
    } catch (error) {
      return this.#part(ctx, "throw", effects ?? null, String(error));
    }
    if (textOf(own ?? null) !== textOf(effects ?? null)) {
      return this.#part(ctx, "effects", effects ?? null, own ?? null);
    }
    if (!this.#compareState) return;
    const [expected, got] = [primary.describe(state), this.#behaviour.describe(actor.state)];
    if (textOf(expected) !== textOf(got)) this.#part(ctx, "state", expected, got);
  }

  report(): ShadowReport {
    return {
      version: this.#behaviour.version,
      share: this.#share,
      actors: this.#actors.size + this.#parted.size,
      skipped: this.#skipped,
      messages: this.#messages,
      different: this.#parted.size,
      differences: [...this.#differences],
    };
  }

  #isChosen(actorId: string): boolean {
    return fingerprint(actorId, 1).lo < this.#share * 2 ** 32;
  }

  #part(
    ctx: MessageContext,
    what: ShadowDifference["what"],
    expected: unknown,
    got: unknown,
  ): void {
    this.#actors.delete(ctx.actorId);
    this.#parted.add(ctx.actorId);
    if (this.#differences.length === differencesMax) return;
    this.#differences.push({
      actor_id: ctx.actorId,
      position: `${ctx.partition}:${ctx.offset}`,
      what,
      expected: textOf(expected).slice(0, textMax),
      got: textOf(got).slice(0, textMax),
    });
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value);
}
