/**
 * Objects in a bucket of S3, or of a server that speaks like it.
 *
 * @module
 */
import { PlatformError, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { ResourceMeter } from "../observability/resource_meter.ts";
import {
  checkKey,
  checkPage,
  checkSize,
  type ObjectHead,
  type ObjectList,
  type Objects,
} from "./objects.ts";
import { signedHeaders, type SigningKey, uriEncode } from "./sigv4.ts";

/** What an `s3:` URL says. */
export interface S3Address {
  /** Of the bucket, with a slash at the end: buckets are named in the path. */
  readonly bucketUrl: URL;
  readonly key: SigningKey;
  /** File of the authority that the server's certificate is from. @default the system's */
  readonly ca: string | undefined;
}

/**
 * Reads `s3://access-key:secret@host[:port]/bucket[?region=us-east-1&tls=1&ca=file]`; key and secret
 * are percent-encoded, `tls=0` speaks plain HTTP.
 *
 * @throws {TypeError}
 */
export function s3Address(url: string): S3Address {
  const { protocol, username, password, host, pathname, searchParams } = new URL(url);
  const bucket = pathname.slice(1);
  if (
    protocol !== "s3:" || !username || !password ||
    !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)
  ) {
    throw new TypeError(
      "Cannot use objects that are not s3://key:secret@host[:port]/bucket[?region=&tls=0]",
    );
  }
  const scheme = searchParams.get("tls") === "0" ? "http" : "https";
  return {
    bucketUrl: new URL(`${scheme}://${host}/${bucket}/`),
    key: {
      accessKeyId: decodeURIComponent(username),
      secretAccessKey: decodeURIComponent(password),
      region: searchParams.get("region") ?? "us-east-1",
    },
    ca: searchParams.get("ca") ?? undefined,
  };
}

export interface S3ObjectsOptions {
  readonly address: S3Address;
  readonly meter: ResourceMeter;
  /** @default Date.now */
  readonly now?: () => number;
  /** @default limits.objectCallMsMax */
  readonly callMsMax?: number;
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** The text of an element's only child, in the flat XML that S3 answers with. */
function textOf(xml: string, name: string): string {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? all;
    return String.fromCodePoint(decimal === undefined ? parseInt(hex, 16) : Number(decimal));
  });
}

export class S3Objects implements Objects {
  readonly #bucketUrl: URL;
  readonly #client: Deno.HttpClient | undefined;

  /** @throws {Deno.errors.NotFound} there is no file `ca` */
  constructor(readonly options: S3ObjectsOptions) {
    const { bucketUrl, ca } = options.address;
    this.#bucketUrl = bucketUrl;
    if (ca !== undefined) {
      this.#client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(ca)] });
    }
  }

  close(): void {
    this.#client?.close();
  }

  /** Sends a request and reads its whole answer. @throws {Unavailable} */
  async #send(call: string, url: URL, method: string, body?: Uint8Array): Promise<Answer> {
    const { address, meter, now = Date.now, callMsMax = limits.objectCallMsMax } = this.options;
    try {
      return await meter.run(call, async () => {
        const toSign = { method, url, ...(body === undefined ? {} : { body }) };
        const response = await fetch(url, {
          method,
          headers: signedHeaders(toSign, address.key, now()),
          body: body === undefined ? null : body as Uint8Array<ArrayBuffer>,
          redirect: "error",
          ...(this.#client === undefined ? {} : { client: this.#client }),
          signal: AbortSignal.timeout(callMsMax),
        });
        const answer = await answerOf(response, method);
        if (response.ok || answer.isMissing) return answer;
        throw refusal(call, answer);
      });
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new Unavailable("objects", `Cannot ${call}: ${message}`, { cause: error });
    }
  }

  #url(key: string): URL {
    checkKey(key);
    return new URL(key.split("/").map(uriEncode).join("/"), this.#bucketUrl);
  }

  async put(key: string, content: Uint8Array): Promise<string> {
    checkSize(content.length);
    const { headers } = await this.#send("put", this.#url(key), "PUT", content);
    return headers.get("etag") ?? "";
  }

  async get(key: string) {
    const answer = await this.#send("get", this.#url(key), "GET");
    if (answer.isMissing) return undefined;
    return { content: answer.content, etag: answer.headers.get("etag") ?? "" };
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const { isMissing, headers } = await this.#send("head", this.#url(key), "HEAD");
    if (isMissing) return undefined;
    return {
      key,
      bytes: Number(headers.get("content-length")),
      etag: headers.get("etag") ?? "",
      modifiedAt: Date.parse(headers.get("last-modified") ?? ""),
    };
  }

  async list(prefix: string, first: number, after = ""): Promise<ObjectList> {
    checkPage(prefix, first);
    const url = new URL(this.#bucketUrl);
    url.pathname = url.pathname.slice(0, -1);
    const query = { "list-type": "2", "max-keys": String(first), prefix, "start-after": after };
    // As the signature has it: URLSearchParams would write a blank as a plus.
    url.search = Object.entries(query).filter(([, value]) => value !== "")
      .map(([name, value]) => `${name}=${uriEncode(value)}`).join("&");
    const { content, isMissing } = await this.#send("list", url, "GET");
    if (isMissing) throw new Unavailable("objects", "There is no such bucket");
    const xml = new TextDecoder().decode(content);
    const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, item = ""]) => ({
      key: textOf(item, "Key"),
      bytes: Number(textOf(item, "Size")),
      etag: textOf(item, "ETag"),
      modifiedAt: Date.parse(textOf(item, "LastModified")),
    }));
    return { objects, hasMore: textOf(xml, "IsTruncated") === "true" };
  }

  async delete(key: string): Promise<void> {
    await this.#send("delete", this.#url(key), "DELETE");
  }
}

/** An answer, read to its end. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly content: Uint8Array;
  readonly code: string;
  /** There is no such object. */
  readonly isMissing: boolean;
}

async function answerOf(response: Response, method: string): Promise<Answer> {
  const { status, headers } = response;
  const isObject = response.ok && method === "GET";
  try {
    if (isObject) checkSize(Number(headers.get("content-length") ?? 0));
  } catch (error) {
    await response.body?.cancel();
    throw error;
  }
  const content = new Uint8Array(await response.arrayBuffer());
  const code = response.ok ? "" : textOf(new TextDecoder().decode(content), "Code");
  return { status, headers, content, code, isMissing: status === 404 && code !== "NoSuchBucket" };
}

/** Whatever is wrong with bucket or key is the operator's to mend, and may be by the next call. */
function refusal(call: string, { status, code }: Answer): Unavailable {
  return new Unavailable("objects", `Cannot ${call}: S3 has answered ${status} ${code}`.trimEnd());
}
