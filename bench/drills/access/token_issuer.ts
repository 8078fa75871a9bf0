/**
 * An issuer of tokens on loopback: its keys, its JWKS, and tokens right and wrong.
 *
 * @module
 */
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";

export const issuer = "https://id.example";
export const audience = "gamemetrics";

/** A pair of keys and how its tokens are signed. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  /** The public key as PEM, which attackers have, too. */
  readonly pem: string;
}

async function makeKey(kid: string, alg: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  // Without `alg`, as many issuers publish theirs: the pinning must not lean on it.
  const publicJwk = { ...await exportJWK(publicKey), kid, use: "sig" };
  return { kid, alg, privateKey, publicJwk, pem: await exportSPKI(publicKey) };
}

export class TokenIssuer {
  /** Requests for the JWKS. */
  asked = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #published: JWK[];

  private constructor(
    readonly rsa: SigningKey,
    readonly ec: SigningKey,
    readonly ed: SigningKey,
    /** A key that the issuer has never published. */
    readonly foreign: SigningKey,
  ) {
    this.#published = [rsa, ec, ed].map(({ publicJwk }) => publicJwk);
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
      this.asked++;
      return Response.json({ keys: this.#published });
    });
  }

  static async start(): Promise<TokenIssuer> {
    const [rsa, ec, ed, foreign] = await Promise.all([
      makeKey("rsa-1", "RS256"),
      makeKey("ec-1", "ES256"),
      makeKey("ed-1", "EdDSA"),
      makeKey("rsa-1", "RS256"),
    ]);
    return new TokenIssuer(rsa, ec, ed, foreign);
  }

  get jwksUrl(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/jwks.json`;
  }

  /** Makes a key and publishes it beside the others. */
  async rotate(kid: string): Promise<SigningKey> {
    const key = await makeKey(kid, "ES256");
    this.#published.push(key.publicJwk);
    return key;
  }

  /** Claims that are good now. @param over replaces some; `undefined` leaves one out */
  claims(over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    const all = {
      iss: issuer,
      aud: audience,
      sub: "u-1",
      studio: "demo",
      role: "analyst",
      iat: now,
      exp: now + 600,
      ...over,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  /** A token. @param header goes over `alg` and `kid`, except `alg` which signs */
  async sign(
    claims: Readonly<Record<string, unknown>>,
    key: SigningKey = this.rsa,
    header: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const { crit } = header as { crit?: string[] };
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
      .sign(key.privateKey, crit === undefined ? {} : { crit: { [crit[0]!]: true } });
  }

  async stop(): Promise<void> {
    await this.#server.shutdown();
  }
}
