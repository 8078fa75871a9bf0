/**
 * The resident memory of the process under attack, sampled: what it held at its highest, first under
 * honest traffic and then under the attack.
 *
 * @module
 */

/** Resident bytes of a process, from Linux' procfs. */
export function rssBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Samples a process until it is stopped. */
export class MemoryWatch {
  #peak: number;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param sample resident bytes. @default those of `pid` */
  constructor(pid: number, everyMs = 20, readonly sample = () => rssBytes(pid)) {
    this.#peak = sample();
    this.#timer = setInterval(() => this.#take(), everyMs);
  }

  #take(): void {
    this.#peak = Math.max(this.#peak, this.sample());
  }

  /** The highest sample since the last call, or since the start. */
  takePeak(): number {
    this.#take();
    const peak = this.#peak;
    this.#peak = this.sample();
    return peak;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
