import type { Child, ChildSpec, ExitReason, TreeEnv } from "./child.ts";

/**
 * One life of a child, from the call of `start` to its end, as a supervisor can handle it: it never
 * throws, its end is always told, and stopping it takes `shutdownMs` at most, whatever the child does.
 */
export class Incarnation {
  /** Resolves when the child is up; stays pending if it ends before. */
  readonly up: Promise<void>;
  /** How it ended; a start that throws is a failure. */
  readonly exited: Promise<ExitReason>;
  readonly #up = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<ExitReason>();
  readonly #abort = new AbortController();
  /** Settled when nothing of it runs any more, its `stop()` included. */
  readonly #gone: Promise<void>;
  #child: Child | null = null;
  #stopping: Promise<void> | null = null;
  #abandoned = false;

  constructor(
    private readonly spec: ChildSpec,
    private readonly path: string,
    private readonly env: TreeEnv,
  ) {
    this.up = this.#up.promise;
    this.exited = this.#exit.promise;
    this.#gone = this.#live();
  }

  /** The running child; `null` before it has started. */
  get child(): Child | null {
    return this.#child;
  }

  /** True once {@link stop} or {@link kill} was called. */
  get isStopping(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Stops the child, or its start; after `shutdownMs` kills it and goes on. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stopInTime();
  }

  /** Ends the child by force, at once. */
  kill(): void {
    this.#abort.abort();
    this.#abandoned = true;
    this.#killChild();
    this.#exit.resolve({ type: "stopped" });
  }

  async #live(): Promise<void> {
    const { signal } = this.#abort;
    let child: Child;
    try {
      child = await this.spec.start({ signal, path: this.path, env: this.env });
    } catch (error) {
      this.#exit.resolve(signal.aborted ? { type: "stopped" } : { type: "failed", error });
      return;
    }
    this.#child = child;
    // A stop that came during the start found no child to pass it on to.
    if (this.#abandoned) this.#killChild();
    const stopped = signal.aborted ? this.#stopChild(child) : null;
    void Promise.resolve(child.started).then(this.#up.resolve, () => {});
    const reason = await child.exited.catch((error) => ({ type: "failed", error } as const));
    await (stopped ?? this.#stopped);
    this.#exit.resolve(reason);
  }

  /** The call of the child's `stop()` that {@link stop} made. */
  #stopped: Promise<void> | null = null;

  async #stopInTime(): Promise<void> {
    const { clock, log } = this.env;
    const { shutdownMs } = this.spec;
    this.#abort.abort();
    if (this.#child !== null) this.#stopped = this.#stopChild(this.#child);
    if (shutdownMs === Infinity) return await this.#gone;
    const timer = new AbortController();
    const isInTime = await Promise.race([
      this.#gone.then(() => true),
      clock.sleep(shutdownMs, timer.signal).then(() => false),
    ]);
    timer.abort();
    if (isInTime) return;
    log.error("Left a child behind that did not stop in time", {
      child: this.path,
      shutdown_ms: shutdownMs,
      killed: this.#child?.kill !== undefined,
    });
    this.kill();
  }

  async #stopChild(child: Child): Promise<void> {
    try {
      await child.stop();
    } catch (error) {
      this.env.log.error("A child threw when it was stopped", { child: this.path, error });
    }
  }

  #killChild(): void {
    try {
      this.#child?.kill?.();
    } catch (error) {
      this.env.log.error("A child threw when it was killed", { child: this.path, error });
    }
  }
}
