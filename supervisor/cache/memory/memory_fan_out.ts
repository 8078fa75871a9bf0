/**
 * Messages within this process; a node that has others sends them on from here.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { FanOut } from "../cache.ts";

interface Listener {
  readonly onText: (text: string) => void;
  readonly onGap: () => void;
}

/** @throws {RangeError} */
export function checkText(text: string): void {
  if (text.length <= limits.fanOutTextCharsMax) return;
  throw new RangeError(
    `Cannot publish ${text.length} characters: the most is ${limits.fanOutTextCharsMax}`,
  );
}

export class MemoryFanOut implements FanOut {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** Channels that somebody listens to. */
  channels(): string[] {
    return [...this.#listeners.keys()];
  }

  publish(channel: string, text: string): void {
    checkText(text);
    this.deliver(channel, text);
  }

  deliver(channel: string, text: string): void {
    // A listener may leave, or another come, while it is told.
    for (const { onText } of [...this.#listeners.get(channel) ?? []]) onText(text);
  }

  /** Tells the channel's subscribers that they may have missed something. */
  gap(channel: string): void {
    for (const { onGap } of [...this.#listeners.get(channel) ?? []]) onGap();
  }

  subscribe(channel: string, onText: Listener["onText"], onGap = () => {}): () => void {
    const listener = { onText, onGap };
    let listeners = this.#listeners.get(channel);
    if (listeners === undefined) this.#listeners.set(channel, listeners = new Set());
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(channel) === listeners) {
        this.#listeners.delete(channel);
      }
    };
  }
}
