/**
 * One `append()` on its way: it is settled once every part of it is.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../../../schema/errors.ts";

/** What became of a part: written, surely not written, or not known. */
export type PartOutcome = "written" | "not written" | "unknown";

export class AppendCall {
  readonly #settled = Promise.withResolvers<void>();
  #open = 0;
  #written = 0;
  #unknown = 0;
  #unwritten = 0;
  #sent = 0;
  #why = "";
  /** True when the caller has its answer; parts that were not sent yet are then left out. */
  isOver = false;

  /** @param expiresAt by `performance.now()` */
  constructor(readonly expiresAt: number) {}

  get promise(): Promise<void> {
    return this.#settled.promise;
  }

  addPart(): void {
    this.#open++;
  }

  /** A part is about to be sent. */
  partSent(): void {
    this.#sent++;
  }

  partDone(outcome: PartOutcome, why = ""): void {
    this.#open--;
    if (outcome === "written") this.#written++;
    else if (outcome === "unknown") this.#unknown++;
    else this.#unwritten++;
    if (why !== "") this.#why = why;
    if (this.#open === 0) this.#settle();
  }

  /** Answers the caller, whatever is still under way. */
  expire(why: string): void {
    if (this.isOver) return;
    this.isOver = true;
    const isUnsent = this.#sent === 0 && this.#written === 0 && this.#unknown === 0;
    const reason = this.#why === "" ? why : `${why}: ${this.#why}`;
    this.#settled.reject(
      isUnsent ? new Unavailable("log", reason) : new OutcomeUnknown("log", reason),
    );
  }

  #settle(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.#unknown === 0 && this.#unwritten === 0) this.#settled.resolve();
    else if (this.#unknown > 0) this.#settled.reject(new OutcomeUnknown("log", this.#why));
    else if (this.#written === 0) this.#settled.reject(new Unavailable("log", this.#why));
    else this.#settled.reject(new OutcomeUnknown("log", `Written in part: ${this.#why}`));
  }
}
