/**
 * A stage that can be given a shadow while it runs.
 *
 * @module
 */
import type { AnyBehaviour, Stage } from "../stage.ts";
import { Shadow, type ShadowOptions, type ShadowReport } from "./shadow.ts";

/** What a stage may leave out, too, is passed on. */
export class ShadowStage implements Required<Stage> {
  readonly name: Stage["name"];
  readonly topic: Stage["topic"];
  readonly commitDelayMs: number;
  readonly isKeyed: boolean;
  readonly trustsSnapshots: boolean;
  readonly decode: Stage["decode"];
  readonly replay: Stage["replay"];
  readonly giveBack: NonNullable<Stage["giveBack"]>;
  readonly #plain: AnyBehaviour;
  #shadow: Shadow | undefined;
  #behaviour: AnyBehaviour;

  constructor(stage: Stage) {
    this.name = stage.name;
    this.topic = stage.topic;
    this.commitDelayMs = stage.commitDelayMs;
    this.isKeyed = stage.isKeyed === true;
    this.trustsSnapshots = stage.trustsSnapshots === true;
    this.decode = (record) => stage.decode(record);
    this.replay = (event) => stage.replay(event);
    this.giveBack = (message, reason) => stage.giveBack?.(message, reason);
    this.#plain = stage.behaviour;
    this.#behaviour = stage.behaviour;
  }

  /** What the shards run: without a shadow the behaviour itself, at no cost. */
  get behaviour(): AnyBehaviour {
    return this.#behaviour;
  }

  /** Starts a shadow, in the place of an earlier one. */
  startShadow(behaviour: AnyBehaviour, options?: ShadowOptions): void {
    const plain = this.#plain;
    const shadow = new Shadow(behaviour, options);
    this.#shadow = shadow;
    this.#behaviour = {
      ...plain,
      receive(state: unknown, message: unknown, ctx) {
        const before = shadow.before(plain, state, ctx);
        const effects = plain.receive(state, message, ctx);
        if (before !== undefined) shadow.after(before, plain, state, message, ctx, effects);
        return effects;
      },
    };
  }

  /** `undefined` without a shadow. */
  shadowReport(): ShadowReport | undefined {
    return this.#shadow?.report();
  }

  /** Ends the shadow. @returns its last report */
  stopShadow(): ShadowReport | undefined {
    const report = this.#shadow?.report();
    this.#shadow = undefined;
    this.#behaviour = this.#plain;
    return report;
  }
}
