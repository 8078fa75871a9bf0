/**
 * Messages between nodes over Redis' channels. A node's own subscribers are told without Redis, so
 * that nothing changes for them while it is away; what comes back of its own is left aside.
 *
 * In a cluster the client moves its subscriptions by itself when the one node that it listens at goes
 * while others stay: that gap is not told.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { ResourceMeter } from "../../observability/resource_meter.ts";
import type { FanOut } from "../cache.ts";
import { checkText, MemoryFanOut } from "../memory/memory_fan_out.ts";
import { type RedisAddress, type RedisClient, redisClient } from "./redis_client.ts";
import type { RedisLink } from "./redis_link.ts";

/** Messages that are sent together. */
const sentTogether = 100;
const joinAgainMs = 100;

/** The forms of what goes over a channel: `sender m text`, `sender g` where something was lost. */
type Form = "m" | "g";

interface Waiting {
  readonly channel: string;
  readonly text: string;
}

export class RedisFanOut implements FanOut {
  readonly #local = new MemoryFanOut();
  readonly #listener: RedisClient;
  readonly #sender = crypto.randomUUID();
  readonly #prefix: string;
  readonly #lost = new Set<string>();
  #queue: Waiting[] = [];
  #isSending = false;
  /** Channels that the connection listens at, and those that it did before it broke. */
  readonly #standing = new Set<string>();
  readonly #broken = new Set<string>();
  /** Which connection it is, counted from 1; 0: there was none yet. */
  #connection = 0;
  #isJoining = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(readonly link: RedisLink, address: RedisAddress, readonly meter: ResourceMeter) {
    this.#prefix = `${link.prefix}chan:`;
    // A connection that listens can do nothing else.
    this.#listener = redisClient(address, () => {});
    this.#listener.on("message", (name: string, message: string) => this.#heard(name, message));
    this.#listener.on("ready", () => this.#connected());
    // A connection that only listens does not notice a server that went without a word.
    link.onBack = () => {
      if (this.#connection > 0) this.#listener.disconnect(true);
    };
  }

  publish(channel: string, text: string): void {
    checkText(text);
    this.#local.deliver(channel, text);
    if (this.#queue.length >= limits.fanOutQueueMax) this.#lose([this.#queue.shift()!]);
    this.#queue.push({ channel, text });
    if (!this.#isSending) void this.#send();
  }

  #lose(messages: readonly Waiting[]): void {
    for (const { channel } of messages) this.#lost.add(channel);
    this.meter.lost("publish", messages.length);
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    // Those published in the same turn go together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const some = this.#queue.splice(0, sentTogether);
      const gaps = [...new Set(some.map(({ channel }) => channel))]
        .filter((channel) => this.#lost.delete(channel));
      try {
        await this.link.run("publish", async (redis) => {
          const publish = (channel: string, form: Form, text = "") =>
            redis.publish(this.#prefix + channel, `${this.#sender}${form}${text}`);
          await Promise.all([
            ...gaps.map((channel) => publish(channel, "g")),
            ...some.map(({ channel, text }) => publish(channel, "m", text)),
          ]);
        });
      } catch {
        this.#lose(some);
      }
    }
    this.#isSending = false;
  }

  #heard(name: string, message: string): void {
    const at = this.#sender.length;
    if (message.slice(0, at) === this.#sender) return;
    const channel = name.slice(this.#prefix.length);
    if (message[at] === "g") this.#local.gap(channel);
    else this.#local.deliver(channel, message.slice(at + 1));
  }

  /** The connection stands, for the first time or again: what was said meanwhile is lost. */
  #connected(): void {
    this.#connection++;
    for (const channel of this.#standing) this.#broken.add(channel);
    this.#standing.clear();
    void this.#join();
  }

  /** Listens at every channel that somebody wants, and tries again until it does. */
  async #join(): Promise<void> {
    if (this.#isJoining) return;
    this.#isJoining = true;
    clearTimeout(this.#retry);
    try {
      while (!this.#isClosed) {
        const channels = this.#local.channels().filter((channel) => !this.#standing.has(channel));
        if (channels.length === 0) break;
        const connection = this.#connection;
        await this.#listener.subscribe(...channels.map((channel) => this.#prefix + channel));
        // What an earlier connection listened at is void.
        if (connection !== this.#connection) continue;
        for (const channel of channels) {
          this.#standing.add(channel);
          if (this.#broken.delete(channel)) this.#local.gap(channel);
        }
      }
    } catch {
      // Not connected, or a cluster that has not chosen yet where to listen.
      if (!this.#isClosed) this.#retry = setTimeout(() => void this.#join(), joinAgainMs);
    }
    this.#isJoining = false;
  }

  subscribe(channel: string, onText: (text: string) => void, onGap?: () => void): () => void {
    const leave = this.#local.subscribe(channel, onText, onGap);
    void this.#join();
    return () => {
      leave();
      if (this.#local.channels().includes(channel)) return;
      this.#broken.delete(channel);
      if (!this.#standing.delete(channel)) return;
      this.#listener.unsubscribe(this.#prefix + channel).catch(() => {});
    };
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#listener.disconnect();
  }
}
