/**
 * The API keys of a node: the ring that the gateway asks, kept up with the store, and what operators
 * do to keys.
 *
 * @module
 */
import { join } from "node:path";
import { PlatformError } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { KeyKeeper } from "./key_keeper.ts";
import { type KeptKeys, type KeyFile, KeyRing } from "./key_ring.ts";
import { KeyStore } from "./key_store.ts";
import { Sealer } from "./secrets_of_keys.ts";
import { logger } from "../observability/logger.ts";
import type { Clock } from "../shard/clock.ts";
import type { ChildSpec } from "../tree/child.ts";
import { loopChild } from "../node/loop_child.ts";
import { writePrivateFile } from "../node/secrets.ts";

export interface KeysPartOptions {
  readonly dataDir: string;
  /** The secret that HMAC secrets are sealed under. */
  readonly secret: string;
  /** Whether other nodes have the same. */
  readonly canSeal: boolean;
  readonly storeUrl: (stop: AbortSignal) => Promise<string>;
  readonly clock: Clock;
}

/** Hashes and sealed secrets, readable by the owner alone. */
function keyFile(dataDir: string): KeyFile {
  const path = join(dataDir, "keys.json");
  return {
    read: async () => JSON.parse(await Deno.readTextFile(path)) as KeptKeys,
    write: (kept) => writePrivateFile(path, JSON.stringify(kept)),
  };
}

export class KeysPart {
  readonly ring: KeyRing;
  readonly keeper: KeyKeeper;
  #store: KeyStore | undefined;

  constructor(readonly options: KeysPartOptions) {
    const log = logger("keys");
    const sealer = new Sealer(options.secret);
    this.ring = new KeyRing({
      sealer,
      now: () => options.clock.now(),
      file: keyFile(options.dataDir),
      onUnopened: (id) => log.warn("A key was sealed under another KEYS_SECRET", { id }),
    });
    this.keeper = new KeyKeeper({
      ring: this.ring,
      sealer,
      canSeal: options.canSeal,
      store: () => this.#store,
    });
  }

  /** Keeps the ring up; to be started before the gateway's listener. */
  spec(): ChildSpec {
    const { clock, storeUrl } = this.options;
    const restored = this.ring.restore();
    return loopChild("keys", limits.keysEveryMs, clock, async (stop) => {
      await restored;
      this.#store ??= new KeyStore(await storeUrl(stop));
      try {
        await this.ring.refresh(this.#store);
      } catch (error) {
        // The last known ones stay; health tells of the store.
        if (!(error instanceof PlatformError)) throw error;
      }
    }, async () => {
      await this.#store?.close();
      this.#store = undefined;
    });
  }
}
