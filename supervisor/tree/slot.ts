import { redactText } from "../observability/redact.ts";
import type { Child, ChildSpec, ChildStatus, ExitReason, TreeEnv, TreeNode } from "./child.ts";
import { Incarnation } from "./incarnation.ts";

/** A child's place in its supervisor: the life it lives now, and what is remembered over its lives. */
export class Slot {
  /** The error of its last failure. */
  lastError: unknown = undefined;
  /** Failures in a row, each before it had been up for `resetMs`. */
  failures = 0;
  #status: ChildStatus = "waiting";
  #since: number;
  #starts = 0;
  #current: Incarnation | null = null;
  readonly #path: string;

  /**
   * @param resetMs after being up this long, failures are counted anew
   * @param onFailure called when the child ended by itself and must be started again
   */
  constructor(
    readonly spec: ChildSpec,
    parentPath: string,
    private readonly env: TreeEnv,
    private readonly resetMs: number,
    private readonly onFailure: () => void,
  ) {
    this.#path = `${parentPath}/${spec.id}`;
    this.#since = env.clock.now();
  }

  get path(): string {
    return this.#path;
  }

  /** False for a temporary child that has had its one life. */
  get mayStart(): boolean {
    return this.#starts === 0 || this.spec.restart !== "temporary";
  }

  get status(): ChildStatus {
    return this.#status;
  }

  /** The running child; `null` when there is none. */
  get child(): Child | null {
    return this.#current?.child ?? null;
  }

  /** Starts the child; resolves when it is up or has ended, whichever is first. Never rejects. */
  start(): Promise<void> {
    if (this.#starts++ > 0) {
      this.env.log.warn("Restarting", { child: this.#path, error: this.lastError });
      this.env.onRestart?.(this.#path, this.lastError);
    }
    this.#become("starting");
    const life = new Incarnation(this.spec, this.#path, this.env);
    this.#current = life;
    const up = life.up.then(() => {
      if (this.#current === life && !life.isStopping) this.#become("running");
    });
    const exited = life.exited.then((reason) => {
      if (this.#current === life && !life.isStopping) this.#endedByItself(reason);
    });
    return Promise.race([up, exited]);
  }

  /** Stops the child if it runs; resolves when it has ended or its time to do so has. */
  async stop(): Promise<void> {
    const life = this.#current;
    if (life === null) {
      if (this.#status === "backoff" || this.#status === "waiting") this.#become("stopped");
      return;
    }
    this.#become("stopping");
    await life.stop();
    if (this.#current !== life) return;
    this.#current = null;
    this.#become("stopped");
  }

  /** Ends the child by force. */
  kill(): void {
    this.#current?.kill();
    this.#current = null;
    this.#become("stopped");
  }

  /** Notes that the child waits for its next start. */
  awaitRestart(): void {
    if (this.mayStart) this.#become(this.#starts === 0 ? "waiting" : "backoff");
  }

  /** The child as the admin API shows it. */
  tree(): TreeNode {
    const below = this.#current?.child?.tree?.();
    return {
      id: this.spec.id,
      type: this.spec.type,
      strategy: below?.strategy ?? null,
      status: this.#status,
      since: new Date(this.#since).toISOString(),
      restarts: Math.max(0, this.#starts - 1),
      last_error: errorText(this.lastError),
      children: below?.children ?? [],
    };
  }

  #endedByItself(reason: ExitReason): void {
    const { restart } = this.spec;
    const upMs = this.#status === "running" ? this.env.clock.now() - this.#since : 0;
    this.#current = null;
    if (reason.type === "failed") {
      this.lastError = reason.error;
      this.env.log.error("A child failed", { child: this.#path, error: reason.error });
    }
    this.#become(reason.type === "failed" ? "failed" : "done");
    const isFailure = restart === "permanent" ||
      (restart === "transient" && reason.type === "failed");
    if (!isFailure) return;
    this.failures = upMs >= this.resetMs ? 1 : this.failures + 1;
    this.onFailure();
  }

  #become(status: ChildStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#since = this.env.clock.now();
  }
}

/** An error as the admin's tree shows it: one that never was is `null`. */
export function errorText(error: unknown): string | null {
  return error === undefined ? null : redactText(String(error));
}
