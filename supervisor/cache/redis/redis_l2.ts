/**
 * Derived values in Redis.
 *
 * @module
 */
import type { L2Cache } from "../cache.ts";
import type { RedisLink } from "./redis_link.ts";

export class RedisL2 implements L2Cache {
  constructor(readonly link: RedisLink) {}

  #key(key: string): string {
    return `${this.link.prefix}l2:${key}`;
  }

  get(key: string): Promise<string | undefined> {
    return this.link.run("get", (redis) => redis.get(this.#key(key)))
      .then((value) => value ?? undefined, () => undefined);
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    const ttl = Math.max(1, Math.ceil(ttlMs));
    await this.link.run("set", (redis) => redis.set(this.#key(key), value, "PX", ttl))
      .catch(() => {});
  }

  async delete(key: string): Promise<void> {
    await this.link.run("delete", (redis) => redis.del(this.#key(key)));
  }
}
