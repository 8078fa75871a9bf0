/**
 * How keys are made, hashed and sealed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, hash, hkdfSync } from "node:crypto";
import type { KeyKind } from "../../schema/principal.ts";

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

/** What a write or read key looks like; of anything else no hash is made. */
export const keyForm = /^gm_[wr]_[A-Za-z0-9_-]{43}$/;

/** A new public id, 32 hexadecimal digits, as GameAnalytics' clients want their game keys. */
export const newKeyId = (): string => random(16).toHex();

/**
 * A new secret: 256 random bits as `gm_w_…` or `gm_r_…`; of a key that signs 160 bits as 40
 * hexadecimal digits, as GameAnalytics' clients want theirs.
 */
export function newSecret(kind: KeyKind): string {
  if (kind === "hmac") return random(20).toHex();
  return `gm_${kind[0]}_${random(32).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** SHA-256, hexadecimal. No salt and no work factor: nobody guesses 256 random bits. */
export const hashOfKey = (secret: string): string => hash("sha256", secret, "hex");

const ivBytes = 12;
const tagBytes = 16;
const version = "v1.";

/** Seals secrets with AES-256-GCM, under a key made of the installation's own secret. */
export class Sealer {
  readonly #key: Uint8Array;

  /** @param secret of the installation; whoever has it and the database has all that signs */
  constructor(secret: string) {
    this.#key = new Uint8Array(hkdfSync("sha256", secret, "gamemetrics", "api keys", 32));
  }

  /** @param keyId goes into the seal: a row copied to another key does not open */
  seal(secret: string, keyId: string): string {
    const iv = random(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    cipher.setAAD(Buffer.from(keyId));
    const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return version + Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64url");
  }

  /** @returns undefined when it was sealed under another secret, or is damaged */
  open(sealed: string, keyId: string): string | undefined {
    if (!sealed.startsWith(version)) return undefined;
    const bytes = Buffer.from(sealed.slice(version.length), "base64url");
    if (bytes.length < ivBytes + tagBytes) return undefined;
    const decipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(Buffer.from(keyId));
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    try {
      const text = decipher.update(bytes.subarray(ivBytes + tagBytes));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch {
      return undefined;
    }
  }
}
