/**
 * API keys from an operator's side: made, rotated, revoked. Secrets leave here once, in the answer to
 * the call that made them, and go to no log and no audit trail.
 *
 * @module
 */
import { InvalidInput, Unavailable } from "../../schema/errors.ts";
import type { KeyKind } from "../../schema/principal.ts";
import type { KeyRing } from "./key_ring.ts";
import type { KeyPage, KeyRow, KeyStore } from "./key_store.ts";
import { hashOfKey, newKeyId, newSecret, type Sealer } from "./secrets_of_keys.ts";

/** What a new key is to be. */
export interface KeyWish {
  readonly studio: string;
  /** `null`: every game of the studio. */
  readonly games: readonly string[] | null;
  readonly kind: KeyKind;
  readonly name: string;
  readonly createGames: boolean;
  /** Origins of pages that may use it; `null`: any. */
  readonly origins: readonly string[] | null;
}

/** A key together with its secret, which is not to be had again. */
export interface ShownKey extends KeyRow {
  readonly secret: string;
}

export interface KeyKeeperOptions {
  readonly ring: KeyRing;
  readonly sealer: Sealer;
  /** Whether other nodes can open what is sealed here. */
  readonly canSeal: boolean;
  /** `undefined` while the store is starting. */
  readonly store: () => KeyStore | undefined;
}

export class KeyKeeper {
  constructor(readonly options: KeyKeeperOptions) {}

  /** @throws {Unavailable} the store is starting */
  get #store(): KeyStore {
    const store = this.options.store();
    if (store !== undefined) return store;
    throw new Unavailable("store", "The store is starting");
  }

  /** This node knows of its own changes at once, the others soon. */
  async #changed<T>(result: T): Promise<T> {
    // What could not be looked at now is looked at in a moment.
    await this.options.ring.refresh(this.#store).catch(() => {});
    return result;
  }

  #make(kind: KeyKind, id: string) {
    const secret = newSecret(kind);
    if (kind !== "hmac") return { secret, hash: hashOfKey(secret), sealed: null };
    if (!this.options.canSeal) {
      const message = "Keys that sign need KEYS_SECRET, the same on every node, to be sealed with";
      throw new InvalidInput("keys_secret_missing", message, "kind");
    }
    return { secret, hash: null, sealed: this.options.sealer.seal(secret, id) };
  }

  /** @throws {InvalidInput} there are too many. @throws {Unavailable} */
  async create(wish: KeyWish, call: string): Promise<ShownKey> {
    const id = newKeyId();
    const { secret, hash, sealed } = this.#make(wish.kind, id);
    const row = await this.#store.create({ ...wish, id, hash, sealed, call });
    if (row === undefined) {
      throw new InvalidInput("too_many_keys", "There are too many keys: revoke some first");
    }
    return await this.#changed({ ...row, secret });
  }

  /**
   * @param overlapMs the secret of now is good for so long
   * @returns undefined when there is no such key, or it is revoked. @throws {Unavailable}
   */
  async rotate(id: string, overlapMs: number): Promise<ShownKey | undefined> {
    const found = await this.#store.get(id);
    if (found === undefined) return undefined;
    const { secret, hash, sealed } = this.#make(found.kind, id);
    const row = await this.#store.rotate(id, { hash, sealed }, overlapMs);
    return await this.#changed(row && { ...row, secret });
  }

  /** @returns undefined when there is no such key, or it is revoked. @throws {Unavailable} */
  async setOrigins(id: string, origins: readonly string[] | null): Promise<KeyRow | undefined> {
    return await this.#changed(await this.#store.setOrigins(id, origins));
  }

  /** @returns undefined when there is no such key. @throws {Unavailable} */
  async revoke(id: string): Promise<KeyRow | undefined> {
    return await this.#changed(await this.#store.revoke(id));
  }

  /** @throws {Unavailable} */
  list(studio: string | undefined, cursor: string, limit: number): Promise<KeyPage> {
    return this.#store.list(studio, cursor, limit);
  }
}
