/**
 * Tokens that must not be taken, one for each way in which verifiers have been fooled.
 *
 * @module
 */
import { constants, createHmac, createSign } from "node:crypto";
import { exportPKCS8 } from "jose";
import type { SigningKey, TokenIssuer } from "./token_issuer.ts";

export interface TokenVector {
  readonly name: string;
  readonly token: string;
}

const encode = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))
    .toBase64({ alphabet: "base64url", omitPadding: true });

const parts = (header: unknown, claims: unknown) => `${encode(header)}.${encode(claims)}`;

/** A token with an HMAC of `secret` for a signature. */
function hmacToken(bits: 256 | 512, header: object, claims: object, secret: string): string {
  const text = parts({ alg: `HS${bits}`, ...header }, claims);
  return `${text}.${createHmac(`sha${bits}`, secret).update(text).digest("base64url")}`;
}

/** A token signed with the issuer's own RSA key, by another algorithm of RSA. */
async function rsaToken(alg: "RS384" | "RS512" | "PS256", key: SigningKey, claims: object) {
  const text = parts({ alg, kid: key.kid }, claims);
  const pem = await exportPKCS8(key.privateKey);
  const padding = alg === "PS256" ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const signature = createSign(`sha${alg.slice(2)}`).update(text)
    .sign({ key: pem, padding, ...(alg === "PS256" ? { saltLength: 32 } : {}) });
  return `${text}.${signature.toString("base64url")}`;
}

/** No algorithm, the wrong one, or one that the header talks the verifier into. */
async function algorithms(issuer: TokenIssuer): Promise<TokenVector[]> {
  const { rsa, ec } = issuer;
  const claims = issuer.claims();
  const good = await issuer.sign(claims);
  const none = (alg: string) => ({ name: `alg ${alg}`, token: `${parts({ alg }, claims)}.` });
  const kid = { kid: rsa.kid };
  const signature = good.split(".")[2]!;
  return [
    ...["none", "None", "NONE", "nOnE"].map(none),
    { name: "alg none with a signature", token: `${parts({ alg: "none" }, claims)}.${signature}` },
    { name: "HS256 with the public key", token: hmacToken(256, kid, claims, rsa.pem) },
    { name: "HS256 with the trimmed PEM", token: hmacToken(256, kid, claims, rsa.pem.trim()) },
    { name: "HS512 with the public key", token: hmacToken(512, kid, claims, rsa.pem) },
    {
      name: "HS256 with the JWK",
      token: hmacToken(256, kid, claims, JSON.stringify(rsa.publicJwk)),
    },
    { name: "HS256 with an empty secret", token: hmacToken(256, kid, claims, "") },
    { name: "RS384 by the issuer", token: await rsaToken("RS384", rsa, claims) },
    { name: "RS512 by the issuer", token: await rsaToken("RS512", rsa, claims) },
    { name: "PS256 by the issuer", token: await rsaToken("PS256", rsa, claims) },
    { name: "no alg", token: `${parts(kid, claims)}.${signature}` },
    {
      name: "ES256 with an empty signature",
      token: `${parts({ alg: "ES256", kid: ec.kid }, claims)}.`,
    },
    {
      name: "ES256 with r and s of zero",
      token: `${parts({ alg: "ES256", kid: ec.kid }, claims)}.${"A".repeat(86)}`,
    },
    {
      name: "RS256 under the kid of an EC key",
      token: await issuer.sign(claims, rsa, { kid: ec.kid }),
    },
  ];
}

/** Keys that the token brings, names by URL, or finds in odd places. */
async function keys(issuer: TokenIssuer): Promise<TokenVector[]> {
  const { foreign, rsa } = issuer;
  const claims = issuer.claims();
  const by = async (name: string, header: object, key: SigningKey = foreign) => ({
    name,
    token: await issuer.sign(claims, key, { ...header }),
  });
  const kids = ["../../../../dev/null", "/dev/null", "' or 1=1 --", "rsa-1\u0000", "", "__proto__"];
  return [
    await by("a foreign key under a known kid", {}),
    await by("a kid that nobody knows", { kid: "unknown" }),
    await by("jku", { jku: issuer.jwksUrl }),
    await by("jku, signed by the issuer", { jku: "http://127.0.0.1:1/jwks.json" }, rsa),
    await by("jwk", { jwk: foreign.publicJwk }),
    await by("jwk, signed by the issuer", { jwk: foreign.publicJwk }, rsa),
    await by("x5u", { x5u: issuer.jwksUrl }),
    await by("x5c", { x5c: ["AAAA"] }),
    ...await Promise.all(kids.map((kid) => by(`kid ${JSON.stringify(kid)}`, { kid }))),
    await by("kid of a megabyte's manner", { kid: "k".repeat(1_000) }, rsa),
    await by("crit of an unknown extension", { crit: ["x-own"], "x-own": 1 }, rsa),
  ];
}

/** Rightly signed, and not for us, not now, or not whole. */
async function claimsOf(issuer: TokenIssuer): Promise<TokenVector[]> {
  const now = Math.floor(Date.now() / 1000);
  const changes: Record<string, Record<string, unknown>> = {
    "expired": { exp: now - 60 },
    "exp missing": { exp: undefined },
    "exp as text": { exp: String(now + 600) },
    "nbf ahead": { nbf: now + 600 },
    "another audience": { aud: "somebody-else" },
    "audience missing": { aud: undefined },
    "another issuer": { iss: "https://evil.example" },
    "issuer with a slash more": { iss: "https://id.example/" },
    "issuer missing": { iss: undefined },
    "sub missing": { sub: undefined },
    "sub empty": { sub: "" },
    "studio missing": { studio: undefined },
    "studio with a slash": { studio: "demo/u" },
    "studio of all": { studio: "*" },
    "role unknown": { role: "root" },
    "role missing": { role: undefined },
    "role of a key": { role: "reader" },
    "games empty": { games: [] },
    "games as text": { games: "chess" },
  };
  return await Promise.all(
    Object.entries(changes).map(async ([name, over]) => ({
      name,
      token: await issuer.sign(issuer.claims(over)),
    })),
  );
}

/** Cut, glued and changed after signing. */
async function shapes(issuer: TokenIssuer): Promise<TokenVector[]> {
  const [header, claims, signature] = (await issuer.sign(issuer.claims())).split(".");
  const admin = encode(issuer.claims({ role: "admin" }));
  return [
    { name: "claims changed", token: `${header}.${admin}.${signature}` },
    { name: "signature cut", token: `${header}.${claims}.${signature!.slice(0, -8)}` },
    { name: "signature left out", token: `${header}.${claims}.` },
    { name: "two parts", token: `${header}.${claims}` },
    { name: "four parts", token: `${header}.${claims}.${signature}.${signature}` },
    { name: "header that is no JSON", token: `${encode("{")}.${claims}.${signature}` },
    { name: "claims that are an array", token: `${header}.${encode("[]")}.${signature}` },
    { name: "padding", token: `${header}.${claims}.${signature}==` },
  ];
}

/** All of them; each differs from a good token in the one thing that its name says. */
export async function tokenVectors(issuer: TokenIssuer): Promise<TokenVector[]> {
  const groups = await Promise.all([algorithms, keys, claimsOf, shapes].map((of) => of(issuer)));
  return groups.flat();
}
