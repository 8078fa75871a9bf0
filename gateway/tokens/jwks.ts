/**
 * The public keys that tokens are verified with, from the issuer's JWKS: kept in memory, looked up
 * anew now and then and when a key is not known, never more often than every few seconds whatever
 * tokens come. While the issuer is away the last known keys go on for a day.
 *
 * @module
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";

export interface JwksOptions {
  readonly url: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

export class Jwks {
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #loadedAt = -Infinity;
  #triedAt = -Infinity;
  #loading: Promise<void> | undefined;

  constructor(readonly options: JwksOptions) {}

  /** Finds the key of a token's header, for `jwtVerify`. @throws {Unavailable} no keys are known */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const age = this.options.now() - this.#loadedAt;
    if (age > limits.jwksStaleMsMax) await this.#look();
    else if (age > limits.jwksAgeMsMax) void this.#look();
    if (this.#keys === undefined || this.options.now() - this.#loadedAt > limits.jwksStaleMsMax) {
      throw new Unavailable("jwks", "The keys of tokens are not known right now");
    }
    try {
      return await this.#keys(header, token);
    } catch (error) {
      // The issuer may have taken another key since.
      const before = this.#loadedAt;
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#look();
      if (this.#loadedAt === before) throw error;
      return await this.#keys(header, token);
    }
  };

  /** Looks unless it was done a moment ago; one look at a time. Throws never. */
  #look(): Promise<void> {
    if (this.#loading !== undefined) return this.#loading;
    const now = this.options.now();
    if (now - this.#triedAt < limits.jwksEveryMsMin) return Promise.resolve();
    this.#triedAt = now;
    this.#loading = this.#load(now).catch(() => {}).finally(() => this.#loading = undefined);
    return this.#loading;
  }

  async #load(now: number): Promise<void> {
    const response = await fetch(this.options.url, {
      headers: { accept: "application/jwk-set+json, application/json" },
      redirect: "error",
      signal: AbortSignal.timeout(limits.jwksCallMsMax),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return;
    }
    // Throws at what is no set of keys.
    this.#keys = createLocalJWKSet(JSON.parse(await boundedText(response)) as JSONWebKeySet);
    this.#loadedAt = now;
  }
}

/** @throws {RangeError} it is longer than a set of keys may be */
async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > limits.jwksBytesMax) throw new RangeError("The JWKS is too large");
    parts.push(part as Uint8Array<ArrayBuffer>);
  }
  return await new Blob(parts).text();
}
