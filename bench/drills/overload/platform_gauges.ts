/**
 * The largest values of a platform's gauges over some time.
 *
 * @module
 */
import { metricsOf } from "../cluster/looks.ts";
import type { Site } from "../platform/site.ts";

/** Seldom: the platform has other things to do. */
const everyMs = 2_000;

export class PlatformGauges {
  readonly #most = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(readonly site: Site) {
    this.#ended = this.#run();
  }

  /**
   * The largest value of any series of a gauge.
   *
   * @throws {Error} it was never seen: the name is wrong, or nobody answered
   */
  most(name: string): number {
    const value = this.#most.get(name);
    if (value === undefined) throw new Error(`The platform has shown no gauge ${name}`);
    return value;
  }

  /** Looks no more. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.look().catch(() => {});
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
    }
  }

  /** Looks now, too. @throws {Error} nobody answers */
  async look(): Promise<void> {
    for (const [series, value] of await metricsOf(this.site)) {
      const name = series.replace(/\{.*/, "");
      this.#most.set(name, Math.max(this.#most.get(name) ?? 0, value));
    }
  }
}
