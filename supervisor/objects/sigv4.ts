/**
 * Signature version 4 of Amazon S3: a request's headers, signed with a secret that is never sent.
 *
 * Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header".
 *
 * @module
 */
import { createHash, createHmac } from "node:crypto";

export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

export interface ToSign {
  readonly method: string;
  readonly url: URL;
  /** Further headers that are sent and signed. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** @default empty */
  readonly body?: Uint8Array;
}

const service = "s3";

const sha256 = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex");
const hmac = (key: Uint8Array | string, text: string) =>
  createHmac("sha256", key).update(text).digest();

/** Percent-encodes everything but the unreserved characters of RFC 3986. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const compare = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;

function canonicalQuery({ searchParams }: URL): string {
  return [...searchParams]
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map((pair) => pair.join("="))
    .join("&");
}

/**
 * The headers with which a request is to be sent, its signature among them.
 *
 * @param request its path must be encoded as {@link uriEncode} does, slash by slash
 * @param nowMs milliseconds since the Unix epoch; a server refuses what is 15 minutes off
 */
export function signedHeaders(
  request: ToSign,
  key: SigningKey,
  nowMs: number,
): Record<string, string> {
  const { method, url, body = new Uint8Array() } = request;
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    "x-amz-content-sha256": sha256(body),
    "x-amz-date": time,
  };
  const signed = Object.entries({ ...headers, host: url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, " ")] as const)
    .sort((a, b) => compare(a[0], b[0]));
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    method,
    url.pathname,
    canonicalQuery(url),
    ...signed.map((pair) => pair.join(":")),
    "",
    names,
    headers["x-amz-content-sha256"],
  ].join("\n");
  const scope = `${day}/${key.region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const secret = [day, key.region, service, "aws4_request"].reduce<Uint8Array | string>(
    hmac,
    `AWS4${key.secretAccessKey}`,
  );
  const signature = createHmac("sha256", secret).update(text).digest("hex");
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope},` +
      `SignedHeaders=${names},Signature=${signature}`,
  };
}
