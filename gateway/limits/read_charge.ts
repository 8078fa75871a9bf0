/**
 * What a read pays in rate tokens: one for ten of its computed cost, and never less than
 * `limits.rateReadCost`, which is what a point read pays. The least is taken at the door, before
 * anything is parsed; the rest once the operation is known and may run, before anything is asked for
 * it. What turns out only on the way, as pages that a resumed stream reads, is taken as it comes.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { Principal } from "../../schema/principal.ts";
import type { Problem } from "../problem.ts";
import type { RateFields, RateLimits } from "./rate_limits.ts";

/** Tokens of a read whose cost is as `operationCost()` counts it. */
export function readTokens(cost: number): number {
  return Math.max(limits.rateReadCost, Math.ceil(cost / limits.rateCostPerToken));
}

/** What one operation pays, whatever brings it. */
export class ReadCharge {
  #fields: RateFields | undefined;
  #refusal: Problem | undefined;

  /** @param rates `undefined`: nobody is limited */
  constructor(readonly rates: RateLimits | undefined, readonly principal: Principal) {}

  /** What the answer may tell; `undefined` without a limit. */
  get fields(): RateFields | undefined {
    return this.#fields;
  }

  /** Why the operation was not let in, if it was not. */
  get refusal(): Problem | undefined {
    return this.#refusal;
  }

  /** Whoever asks anything, before it is known what. @throws {Problem} 429 */
  enter(): void {
    this.#fields = this.rates?.charge(this.principal, limits.rateReadCost);
  }

  /** The operation that came in, before it runs. @throws {Problem} 429 */
  operation(cost: number): void {
    const paid = limits.rateReadCost;
    try {
      this.#fields = this.rates?.charge(this.principal, readTokens(cost), paid) ?? this.#fields;
    } catch (problem) {
      this.#refusal = problem as Problem;
      throw problem;
    }
  }

  /** What it costs beyond that, while it runs. @throws {Problem} 429 */
  more(cost: number): void {
    this.rates?.charge(this.principal, readTokens(cost));
  }
}
