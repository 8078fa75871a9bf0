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

/** What an attack cost in memory. */
export interface Growth {
  /** Of the cheapest attempt. */
  readonly bytes: number;
  /** From before the first attempt to after the last. */
  readonly totalBytes: number;
  readonly attempts: number;
  readonly isWithin: boolean;
}

const attemptsMax = 3;

/**
 * Attacks, and measures by how much memory rose above its earlier peak. The collector's heap grows
 * now and then by a step of twenty megabytes under any load, once; an attack that costs memory costs
 * it each time. So an attempt beyond the bound is made again, and all together may cost two bounds.
 */
export async function growthUnder(
  memory: Pick<MemoryWatch, "takePeak">,
  bytesMax: number,
  attack: () => Promise<void>,
): Promise<Growth> {
  const first = memory.takePeak();
  let peak = first;
  let best = Infinity;
  let attempts = 0;
  while (attempts < attemptsMax && best > bytesMax) {
    const before = peak;
    await attack();
    attempts++;
    const after = memory.takePeak();
    best = Math.min(best, after - before);
    peak = Math.max(peak, after);
  }
  const totalBytes = peak - first;
  const isWithin = best <= bytesMax && totalBytes <= 2 * bytesMax;
  return { bytes: best, totalBytes, attempts, isWithin };
}

/** The growth in words. */
export function growthText({ bytes, totalBytes, attempts }: Growth, bytesMax: number): string {
  const mib = (n: number) => (n / 1024 / 1024).toFixed(1);
  return `memory grew by ${mib(bytes)} MiB in the best of ${attempts} attempts, ${
    mib(totalBytes)
  } ` +
    `in all; ${mib(bytesMax)} are allowed`;
}
