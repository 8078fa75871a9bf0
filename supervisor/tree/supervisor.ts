/**
 * The supervisor: a table of child specs, started in order, stopped in reverse, restarted by a
 * strategy within a budget. What it cannot mend it hands to its own parent, by failing.
 *
 * ```ts
 * const shards = Supervisor.spec({
 *   id: "shards",
 *   strategy: "one_for_one",
 *   intensity: 5,
 *   periodMs: 30_000,
 *   children: [{
 *     id: "player-0",
 *     type: "worker",
 *     restart: "permanent",
 *     shutdownMs: 5000,
 *     start: () => ({ exited: new Promise(() => {}), stop: () => Promise.resolve() }),
 *   }],
 * });
 * ```
 *
 * @module
 */
import { assertBackoff, backoffDefaults, backoffMs, type BackoffOptions } from "./backoff.ts";
import type {
  Child,
  ChildSpec,
  ChildStatus,
  ExitReason,
  Restart,
  Strategy,
  TreeEnv,
  TreeNode,
} from "./child.ts";
import { Lane, type LaneHost } from "./lane.ts";
import { RestartBudget } from "./restart_budget.ts";
import { errorText, Slot } from "./slot.ts";

export interface SupervisorOptions {
  readonly id: string;
  readonly strategy: Strategy;
  /** In start order. */
  readonly children: readonly ChildSpec[];
  /** Restarts allowed within any `periodMs`; one more and the supervisor gives up. @default 5 */
  readonly intensity?: number;
  /**
   * Milliseconds. A backoff whose delays spread more than `intensity` restarts over a longer time
   * than this never exhausts the budget. @default 30000
   */
  readonly periodMs?: number;
  readonly backoff?: BackoffOptions;
}

/** A supervisor failed more often than its budget allows; `cause` is the last error. */
export class BudgetExhausted extends Error {
  override readonly name = "BudgetExhausted";
  readonly code = "restart_budget_exhausted";
}

/** A running supervisor. */
export class Supervisor implements Child {
  readonly exited: Promise<ExitReason>;
  /** Resolves when every child has been started once; stays pending if that never comes. */
  readonly started: Promise<void>;
  readonly #started = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<ExitReason>();
  readonly #stopping = new AbortController();
  readonly #budget: RestartBudget;
  readonly #backoff: Required<BackoffOptions>;
  readonly #slots: Slot[];
  readonly #lanes: readonly Lane[];
  readonly #lanesOf = new Map<Slot, Lane>();
  /** Ends the lane of a child that is on its own, for its removal. */
  readonly #removals = new Map<Slot, AbortController>();
  #status: ChildStatus = "waiting";
  #sinceMs: number;
  #error: unknown = undefined;
  #closing: Promise<void> | null = null;

  /**
   * The supervisor that has no parent; {@link start} it.
   *
   * @throws {RangeError} an option cannot be
   */
  static root(options: SupervisorOptions & { readonly env: TreeEnv }): Supervisor {
    return new Supervisor(options, options.env, options.id);
  }

  /** The spec of a nested supervisor. It takes as long to stop as its children may. */
  static spec(options: SupervisorOptions, restart: Restart = "permanent"): ChildSpec {
    return {
      id: options.id,
      type: "supervisor",
      restart,
      shutdownMs: Infinity,
      start: ({ env, path }) => {
        const child = new Supervisor(options, env, path);
        child.#start();
        return child;
      },
    };
  }

  private constructor(
    private readonly options: SupervisorOptions,
    private readonly env: TreeEnv,
    private readonly path: string,
  ) {
    const { children, intensity = 5, periodMs = 30_000 } = options;
    this.#budget = new RestartBudget(intensity, periodMs);
    this.#backoff = { ...backoffDefaults, ...options.backoff };
    assertBackoff(this.#backoff);
    assertChildren(path, children);
    this.exited = this.#exit.promise;
    this.started = this.#started.promise;
    this.#sinceMs = env.clock.now();
    this.#slots = children.map((spec) => this.#makeSlot(spec));
    this.#lanes = this.#makeLanes();
  }

  /**
   * Starts the children, each after the one before is up. Resolves when all are, or when the
   * supervisor was stopped before.
   *
   * @throws {BudgetExhausted} they could not be started
   */
  async start(): Promise<void> {
    this.#start();
    const ended = await Promise.race([this.started, this.exited]);
    if (ended?.type === "failed") throw ended.error;
  }

  /** Stops the children in reverse order; resolves when all have ended or were left behind. */
  stop(): Promise<void> {
    return this.#close({ type: "stopped" });
  }

  /**
   * Stops a child in order and starts it again, whatever its restart policy; the budget is for
   * failures and stays as it is.
   *
   * @param path ids from a child of this supervisor downwards
   * @returns false when the child is being started or stopped already
   * @throws {RangeError} there is no such child, or it cannot be restarted without its siblings
   */
  async restart(path: readonly string[]): Promise<boolean> {
    const [id, ...below] = path;
    const slot = this.#slot(id);
    if (below.length > 0) {
      return slot.child instanceof Supervisor ? await slot.child.restart(below) : false;
    }
    if (this.options.strategy !== "one_for_one") {
      throw new RangeError(`Cannot restart ${slot.path} alone: ${this.options.strategy}`);
    }
    if (!["running", "done", "failed"].includes(slot.status) || !slot.mayStart) return false;
    await slot.stop();
    if (this.#stopping.signal.aborted) return false;
    await slot.start();
    return true;
  }

  /**
   * Starts one more child beside those that are there. False when the supervisor is not running.
   *
   * @param path ids from a child of this supervisor down to the supervisor that gets it; `[]`: this one
   * @throws {RangeError} there is a child of that name, or children are not on their own there
   */
  add(path: readonly string[], spec: ChildSpec): boolean {
    const [id, ...below] = path;
    if (id !== undefined) {
      const { child } = this.#slot(id);
      return child instanceof Supervisor && child.add(below, spec);
    }
    if (this.options.strategy !== "one_for_one") {
      throw new RangeError(`Cannot add a child to ${this.path}: ${this.options.strategy}`);
    }
    assertChildren(this.path, [...this.#slots.map((slot) => slot.spec), spec]);
    if (this.#stopping.signal.aborted) return false;
    const slot = this.#makeSlot(spec);
    this.#slots.push(slot);
    void this.#ownLane(slot).run();
    return true;
  }

  /**
   * Stops a child in order and forgets it. False when it is not there, or its supervisor does not run.
   *
   * @param path ids from a child of this supervisor downwards
   * @throws {RangeError} children are not on their own there
   */
  async remove(path: readonly string[]): Promise<boolean> {
    const [id, ...below] = path;
    const slot = this.#slots.find(({ spec }) => spec.id === id);
    if (slot === undefined) return false;
    if (below.length > 0) {
      return slot.child instanceof Supervisor ? await slot.child.remove(below) : false;
    }
    const removal = this.#removals.get(slot);
    if (removal === undefined) {
      throw new RangeError(`Cannot remove ${slot.path} alone: ${this.options.strategy}`);
    }
    removal.abort();
    await slot.stop();
    const at = this.#slots.indexOf(slot);
    if (at >= 0) this.#slots.splice(at, 1);
    this.#lanesOf.delete(slot);
    this.#removals.delete(slot);
    return true;
  }

  /** Kills every child at once, the last first. */
  kill(): void {
    this.#stopping.abort();
    for (const slot of this.#slots.toReversed()) slot.kill();
    this.#end({ type: "stopped" });
  }

  /** This supervisor and all below it. Restarts are its parent's to count. */
  tree(): TreeNode {
    return {
      id: this.options.id,
      type: "supervisor",
      strategy: this.options.strategy,
      status: this.#status,
      since: new Date(this.#sinceMs).toISOString(),
      restarts: 0,
      last_error: errorText(this.#error),
      children: this.#slots.map((slot) => slot.tree()),
    };
  }

  #slot(id: string | undefined): Slot {
    const slot = this.#slots.find(({ spec }) => spec.id === id);
    if (slot === undefined) throw new RangeError(`There is no child '${id}' in ${this.path}`);
    return slot;
  }

  #makeSlot(spec: ChildSpec): Slot {
    const slot: Slot = new Slot(spec, this.path, this.env, this.#backoff.resetMs, () => {
      this.#lanesOf.get(slot)!.failed(slot);
    });
    return slot;
  }

  #host(): LaneHost {
    return {
      stopping: this.#stopping.signal,
      allowRestart: (failed) => this.#allowRestart(failed),
      backOff: (failures, signal) => this.#backOff(failures, signal),
    };
  }

  #makeLanes(): Lane[] {
    const { strategy } = this.options;
    if (strategy === "one_for_one") return this.#slots.map((slot) => this.#ownLane(slot));
    const restartsFrom = strategy === "rest_for_one" ? (index: number) => index : () => 0;
    const lane = new Lane(this.#slots, restartsFrom, this.#host());
    for (const slot of this.#slots) this.#lanesOf.set(slot, lane);
    return [lane];
  }

  /** A lane that can be ended by itself. */
  #ownLane(slot: Slot): Lane {
    const removal = new AbortController();
    const stopping = AbortSignal.any([this.#stopping.signal, removal.signal]);
    const lane = new Lane([slot], () => 0, { ...this.#host(), stopping });
    this.#lanesOf.set(slot, lane);
    this.#removals.set(slot, removal);
    return lane;
  }

  #start(): void {
    if (this.#status !== "waiting") return;
    this.#become("starting");
    void this.#startLanes();
  }

  async #startLanes(): Promise<void> {
    for (const lane of this.#lanes) {
      if (this.#stopping.signal.aborted) return;
      void lane.run();
      await Promise.race([lane.started, this.exited]);
    }
    if (this.#stopping.signal.aborted) return;
    this.#become("running");
    this.#started.resolve();
  }

  #allowRestart(failed: Slot): boolean {
    if (this.#budget.spend(this.env.clock.now())) return true;
    const { intensity, periodMs } = this.#budget;
    const error = new BudgetExhausted(
      `Gave up ${this.path} as its children failed more than ${intensity} times in ${periodMs} ms, ` +
        `last ${failed.path}: ${failed.lastError ?? "it ended"}`,
      { cause: failed.lastError },
    );
    void this.#close({ type: "failed", error });
    return false;
  }

  async #backOff(failures: number, signal: AbortSignal): Promise<void> {
    const ms = backoffMs(failures, this.env.random(), this.#backoff);
    await this.env.clock.sleep(ms, signal);
  }

  #close(reason: ExitReason): Promise<void> {
    return this.#closing ??= (async () => {
      if (reason.type === "failed") this.#error = reason.error;
      this.#become("stopping");
      this.#stopping.abort();
      for (const slot of this.#slots.toReversed()) await slot.stop();
      this.#end(reason);
    })();
  }

  #end(reason: ExitReason): void {
    this.#become(reason.type === "failed" ? "failed" : "stopped");
    this.#exit.resolve(reason);
  }

  #become(status: ChildStatus): void {
    this.#status = status;
    this.#sinceMs = this.env.clock.now();
  }
}

function assertChildren(path: string, children: readonly ChildSpec[]): void {
  const ids = new Set<string>();
  for (const { id, shutdownMs } of children) {
    if (ids.has(id)) throw new RangeError(`Cannot supervise two children named '${id}' in ${path}`);
    ids.add(id);
    if (!(shutdownMs >= 0)) {
      throw new RangeError(
        `Cannot supervise ${path}/${id} as 'shutdownMs' must be at least 0: current value is ${shutdownMs}`,
      );
    }
  }
}
