/**
 * For tests of the tree: time that passes only when told to, and children that do as they are told.
 *
 * @module
 */
import { createLogger } from "../observability/logger.ts";
import type { Clock } from "../shard/clock.ts";
import type { Child, ChildSpec, ExitReason, StartContext, Strategy, TreeEnv } from "./child.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";

/** Lets every promise that can settle without time passing do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

export class FakeClock implements Clock {
  #now = 0;
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = {
        at: this.#now + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", sleeper.wake, { once: true });
    });
  }

  /** Lets `ms` pass, waking sleepers one after the other, each with all that follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = [...this.#sleepers].filter((s) => s.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = next.at;
      next.wake();
      await settle();
    }
    this.#now = end;
  }
}

/** A child that records what happens to it, and fails, ends or hangs on command. */
export class Puppet {
  starts = 0;
  /** Set while it runs. */
  isUp = false;
  /** Thrown by the next starts, as long as it is set. */
  startError: Error | null = null;
  /** Starts wait for this. */
  startGate: Promise<void> = Promise.resolve();
  /** `stop()` waits for this. */
  stopGate: Promise<void> = Promise.resolve();
  context: StartContext | null = null;
  #exit = Promise.withResolvers<ExitReason>();

  constructor(readonly id: string, readonly events: string[]) {}

  /** @param options replace those of a permanent worker that may take 1000 ms to stop */
  spec(options: Partial<ChildSpec> = {}): ChildSpec {
    const start = (context: StartContext) => this.#start(context);
    return {
      id: this.id,
      type: "worker",
      restart: "permanent",
      shutdownMs: 1000,
      start,
      ...options,
    };
  }

  fail(message = "broke"): void {
    this.#end("failed", { type: "failed", error: new Error(message) });
  }

  finish(): void {
    this.#end("done", { type: "normal" });
  }

  async #start(context: StartContext): Promise<Child> {
    this.context = context;
    this.starts++;
    this.events.push(`start ${this.id}`);
    await this.startGate;
    if (this.startError !== null) throw this.startError;
    const exit = this.#exit = Promise.withResolvers<ExitReason>();
    this.isUp = true;
    this.events.push(`up ${this.id}`);
    return {
      exited: exit.promise,
      stop: async () => {
        this.events.push(`stop ${this.id}`);
        await this.stopGate;
        this.#end("down", { type: "stopped" });
      },
      kill: () => {
        this.events.push(`kill ${this.id}`);
        this.#end("down", { type: "stopped" });
      },
    };
  }

  #end(event: string, reason: ExitReason): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.events.push(`${event} ${this.id}`);
    this.#exit.resolve(reason);
  }
}

/** A tree's surroundings in a test: what happened is in `events`, `lines` and `restarts`. */
export function fakeEnv() {
  const clock = new FakeClock();
  const events: string[] = [];
  const lines: string[] = [];
  const restarts: string[] = [];
  const env: TreeEnv = {
    clock,
    random: () => 0,
    log: createLogger({ write: (line) => lines.push(line), level: () => "info", now: () => 0 }),
    onRestart: (path) => restarts.push(path),
  };
  return {
    env,
    clock,
    events,
    lines,
    restarts,
    puppet: (id: string) => new Puppet(id, events),
    /** What happened since the last call. */
    take: () => events.splice(0),
  };
}

/** A started supervisor over puppets a, b, c. */
export async function threePuppets(strategy: Strategy, options: Partial<SupervisorOptions> = {}) {
  const fake = fakeEnv();
  const [a, b, c] = ["a", "b", "c"].map(fake.puppet) as [Puppet, Puppet, Puppet];
  const root = Supervisor.root({
    id: "root",
    strategy,
    children: [a.spec(), b.spec(), c.spec()],
    env: fake.env,
    ...options,
  });
  await root.start();
  fake.take();
  return { ...fake, root, a, b, c };
}
