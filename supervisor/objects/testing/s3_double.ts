/**
 * A double of an S3 server for machines that have none: the few calls that are used, in the shapes
 * that Amazon documents, signatures checked. It is no proof that a real server agrees.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { signedHeaders, type SigningKey } from "../sigv4.ts";

interface Held {
  readonly content: Uint8Array<ArrayBuffer>;
  readonly etag: string;
  readonly at: Date;
}

export interface S3Double {
  readonly url: string;
  /** What the next requests are answered with instead. @default undefined: as they deserve */
  fail: { readonly status: number; readonly code: string } | undefined;
  close(): Promise<void>;
}

const bucket = "double";
const key: SigningKey = { accessKeyId: "double", secretAccessKey: "s3cr/t+", region: "eu-x-1" };

function xmlError(status: number, code: string): Response {
  return new Response(`<?xml version="1.0"?>\n<Error><Code>${code}</Code></Error>`, { status });
}

function isSigned(request: Request, body: Uint8Array): boolean {
  const date = request.headers.get("x-amz-date") ?? "";
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const at = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  if (!(Math.abs(Date.now() - at) < 15 * 60_000)) return false;
  const url = new URL(request.url);
  url.host = request.headers.get("host") ?? "";
  const expected = signedHeaders({ method: request.method, url, body }, key, at).authorization;
  return request.headers.get("authorization") === expected;
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

function list(held: Map<string, Held>, query: URLSearchParams): Response {
  const [prefix, after] = [query.get("prefix") ?? "", query.get("start-after") ?? ""];
  const first = Number(query.get("max-keys"));
  const keys = [...held.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const items = keys.slice(0, first).map((key) => {
    const { content, etag, at } = held.get(key)!;
    return `<Contents><Key>${escaped(key)}</Key><LastModified>${at.toISOString()}</LastModified>` +
      `<ETag>${escaped(etag)}</ETag><Size>${content.length}</Size>` +
      `<StorageClass>STANDARD</StorageClass></Contents>`;
  });
  return new Response(
    `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult><Name>${bucket}</Name>` +
      `<IsTruncated>${keys.length > first}</IsTruncated>${items.join("")}</ListBucketResult>`,
  );
}

function answer(held: Map<string, Held>, method: string, url: URL, body: Uint8Array<ArrayBuffer>) {
  const [, name, ...rest] = url.pathname.split("/");
  if (name !== bucket) return xmlError(404, "NoSuchBucket");
  const object = decodeURIComponent(rest.join("/"));
  if (object === "") return list(held, url.searchParams);
  if (method === "PUT") {
    const etag = `"${createHash("md5").update(body).digest("hex")}"`;
    held.set(object, { content: body, etag, at: new Date() });
    return new Response(null, { headers: { etag } });
  }
  if (method === "DELETE") {
    held.delete(object);
    return new Response(null, { status: 204 });
  }
  const found = held.get(object);
  if (found === undefined) return xmlError(404, "NoSuchKey");
  const headers = {
    etag: found.etag,
    "last-modified": found.at.toUTCString(),
    "content-length": String(found.content.length),
  };
  return new Response(method === "HEAD" ? null : found.content, { headers });
}

export function startS3Double(): S3Double {
  const held = new Map<string, Held>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      if (double.fail !== undefined) return xmlError(double.fail.status, double.fail.code);
      if (!isSigned(request, body)) return xmlError(403, "SignatureDoesNotMatch");
      return answer(held, request.method, new URL(request.url), body);
    },
  );
  const secret = encodeURIComponent(key.secretAccessKey);
  const double: S3Double = {
    url: `s3://${key.accessKeyId}:${secret}@127.0.0.1:${server.addr.port}/${bucket}` +
      `?region=${key.region}&tls=0`,
    fail: undefined,
    close: () => server.shutdown(),
  };
  return double;
}
