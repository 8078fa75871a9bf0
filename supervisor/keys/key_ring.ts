/**
 * The API keys as a node holds them: in memory, so that no request waits for the store, and in a file,
 * so that a node that starts while the store is away knows them, too.
 *
 * Keys that are made or revoked are seen at the next {@link KeyRing.refresh}. While the store is away
 * the last known ones stay good, for {@link limits.keysStaleMsMax}; then nothing is said of them, and
 * their holders are told to come back rather than that they are strangers, which makes SDKs throw
 * events away.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { type HmacKey, type Principal, principalOf } from "../../schema/principal.ts";
import type { HeldKey, HeldKeys } from "./key_store.ts";
import { remembered } from "../../schema/memory/remembered.ts";
import { hashOfKey, keyForm, type Sealer } from "./secrets_of_keys.ts";

/** Where keys come from. */
export interface KeySource {
  /** `undefined` while nothing has changed since version `known`. @throws {Unavailable} */
  since(known: number): Promise<HeldKeys | undefined>;
}

/** Where the last known keys are kept. */
export interface KeyFile {
  /** `undefined` when there are none. */
  read(): Promise<KeptKeys | undefined>;
  write(kept: KeptKeys): Promise<void>;
}

export interface KeptKeys extends HeldKeys {
  /** When they were known to be so, milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface KeyRingOptions {
  readonly sealer: Sealer;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly file?: KeyFile;
  /** Hears of a key that does not open: it was sealed under another secret. */
  readonly onUnopened?: (keyId: string) => void;
}

interface Entry {
  readonly principal: Principal;
  /** Until when it is good. */
  readonly until: number;
}

interface SignedEntry {
  readonly principal: Principal;
  readonly secret: string;
  readonly previous: string | undefined;
  readonly previousUntil: number;
}

/** How often the file is written anew for its time alone. */
const touchMs = 60_000;

export class KeyRing {
  #version = 0;
  /** When the keys were last known to be the store's. */
  #knownAt = -Infinity;
  #writtenAt = -Infinity;
  /** Most requests come with one of a few keys. */
  readonly #hashOf = remembered(hashOfKey, 1_000);
  #byHash = new Map<string, Entry>();
  #signed = new Map<string, SignedEntry>();
  #held: readonly HeldKey[] = [];
  /** The last refresh, over or not. */
  #refreshed: Promise<void> = Promise.resolve();

  constructor(readonly options: KeyRingOptions) {}

  /** How many keys are good. */
  get size(): number {
    return this.#held.length;
  }

  /** Takes what an earlier process has kept, unless the store has been heard of. Throws never. */
  async restore(): Promise<void> {
    const kept = await this.options.file?.read().catch(() => undefined);
    if (kept === undefined || this.#version > 0) return;
    this.#take(kept);
    // Another process has made sure of it; what it is now the first refresh says.
    this.#version = 0;
    this.#knownAt = Math.min(kept.at, this.options.now());
  }

  /** Looks for changes. @throws {Unavailable} the keys stay as they were */
  refresh(source: KeySource): Promise<void> {
    // One after the other: of two at once the older answer could come last, and a revoked key be good.
    const look = () => this.#refresh(source);
    return this.#refreshed = this.#refreshed.then(look, look);
  }

  async #refresh(source: KeySource): Promise<void> {
    const startedAt = this.options.now();
    const held = await source.since(this.#version);
    if (held !== undefined) this.#take(held);
    this.#knownAt = startedAt;
    const { file } = this.options;
    if (file === undefined || (held === undefined && startedAt - this.#writtenAt < touchMs)) return;
    this.#writtenAt = startedAt;
    // A full disk takes no key away.
    await file.write({ version: this.#version, keys: this.#held, at: startedAt }).catch(() => {});
  }

  #take({ version, keys }: HeldKeys): void {
    const byHash = new Map<string, Entry>();
    const signed = new Map<string, SignedEntry>();
    for (const key of keys) {
      const principal = principalOf({
        id: key.id,
        role: key.kind === "read" ? "reader" : "writer",
        studio: key.studio,
        games: key.games ?? undefined,
        createGames: key.createGames,
        origins: key.origins ?? undefined,
      });
      const previousUntil = key.previousUntil ?? -Infinity;
      if (key.hash !== null) byHash.set(key.hash, { principal, until: Infinity });
      if (key.previousHash !== null) {
        byHash.set(key.previousHash, { principal, until: previousUntil });
      }
      if (key.sealed === null) continue;
      const secret = this.options.sealer.open(key.sealed, key.id);
      if (secret === undefined) {
        this.options.onUnopened?.(key.id);
        continue;
      }
      const previous = key.previousSealed === null
        ? undefined
        : this.options.sealer.open(key.previousSealed, key.id);
      signed.set(key.id, { principal, secret, previous, previousUntil });
    }
    this.#byHash = byHash;
    this.#signed = signed;
    this.#held = keys;
    this.#version = version;
  }

  /** @throws {Unavailable} nothing is known, or it was too long ago */
  #assertKnown(now: number): void {
    if (now - this.#knownAt <= limits.keysStaleMsMax) return;
    throw new Unavailable("keys", "The keys are not known right now");
  }

  /**
   * The holder of a write or read key; `undefined` when there is none.
   *
   * @throws {Unavailable} see the module
   */
  resolve(token: string): Principal | undefined {
    if (!keyForm.test(token)) return undefined;
    const now = this.options.now();
    this.#assertKnown(now);
    const entry = this.#byHash.get(this.#hashOf(token));
    return entry !== undefined && now < entry.until ? entry.principal : undefined;
  }

  /** The key that signs under a public id. @throws {Unavailable} see the module */
  hmac(keyId: string): HmacKey | undefined {
    const now = this.options.now();
    this.#assertKnown(now);
    const entry = this.#signed.get(keyId);
    if (entry === undefined) return undefined;
    const { principal, secret, previous, previousUntil } = entry;
    const isOverlapping = previous !== undefined && now < previousUntil;
    return { principal, secrets: isOverlapping ? [secret, previous] : [secret] };
  }
}
