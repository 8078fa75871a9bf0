/**
 * Reads a request's body within bounds, whatever its headers claim.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { edgeLimits } from "../../schema/net/edge_limits.ts";
import { badRequest, Problem, tooLarge, unavailable } from "../problem.ts";
import type { ByteBudget } from "./byte_budget.ts";
import { gunzip } from "./gunzip.ts";

const tooLargeDetail = (bytesMax: number) =>
  `A request may have ${bytesMax} bytes: send less at once`;

/**
 * A body that is announced to be no larger than an event may be. It is read whole: a third cheaper
 * than a stream. The HTTP server holds a body to its Content-Length unless it is chunked, and then
 * there must be none.
 */
function isSmall({ headers }: Request): boolean {
  const declared = headers.get("content-length");
  return declared !== null && Number(declared) <= limits.eventBytesMax &&
    !headers.has("transfer-encoding");
}

/** The bodies that are read to their end for nothing. */
const dropping = new WeakMap<Request, Promise<unknown>>();
const dropMsMax = 250;

/**
 * Ends a body that nobody will read. A small one is read to its end all the same, see
 * {@link bodyDropped}.
 */
export function dropBody(request: Request): void {
  if (request.bodyUsed) return;
  if (isSmall(request)) dropping.set(request, request.arrayBuffer().catch(() => {}));
  else request.body?.cancel().catch(() => {});
}

/**
 * Resolves when a small body that was dropped is here in whole, or takes too long; `undefined` when
 * there is none. A server that answers before closes the connection, and with bytes unread takes back
 * what it has just said: who would come back after a 503 sees a broken connection instead.
 */
export function bodyDropped(request: Request): Promise<void> | undefined {
  const read = dropping.get(request);
  if (read === undefined) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, dropMsMax);
    void read.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * The body, decompressed.
 *
 * @param bytesMax bound on the bytes sent and on the bytes they expand to
 * @param budget shared by all requests; a body that does not fit into it now is answered 503
 * @param times how long a large or chunked body may take. @default edgeLimits
 * @throws {Problem} 400, 408, 413, 415 or 503; the rest of the body is then dropped unread
 */
export async function readBody(
  request: Request,
  bytesMax: number,
  budget: ByteBudget,
  times: BodyTimes = edgeLimits,
): Promise<Uint8Array> {
  const coding = assertCoding(request);
  const bytes = await readRawBody(request, bytesMax, budget, times);
  return coding === "identity" ? bytes : await expand(bytes, bytesMax, budget);
}

/**
 * How a body is packed, as its headers say.
 *
 * @throws {Problem} 415 in no way that is known here; the body is then dropped unread
 */
export function assertCoding(request: Request): "identity" | "gzip" {
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (coding === "" || coding === "identity") return "identity";
  if (coding === "gzip" || coding === "x-gzip") return "gzip";
  dropBody(request);
  const detail = `Content-Encoding must be gzip or absent: got ${JSON.stringify(coding)}`;
  throw new Problem(415, "unsupported_encoding", detail);
}

/**
 * The body as it was sent, whatever its Content-Encoding.
 *
 * @throws {Problem} 400, 408, 413 or 503; the rest of the body is then dropped unread
 */
export async function readRawBody(
  request: Request,
  bytesMax: number,
  budget: ByteBudget,
  times: BodyTimes = edgeLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > bytesMax) {
    dropBody(request);
    throw tooLarge(tooLargeDetail(bytesMax));
  }
  return isSmall(request)
    ? await readWhole(request, bytesMax)
    : await readStream(request, bytesMax, budget, times);
}

async function readWhole(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = await request.arrayBuffer().catch(() => {
    throw brokenOff();
  });
  if (buffer.byteLength > bytesMax) throw tooLarge(tooLargeDetail(bytesMax));
  return new Uint8Array(buffer);
}

async function readStream(
  request: Request,
  bytesMax: number,
  budget: ByteBudget,
  times: BodyTimes,
): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const collected = new Collected(bytesMax, budget);
  const deadline = new BodyDeadline(collected, times, () => void reader.cancel().catch(() => {}));
  try {
    for (;;) {
      const part = await reader.read().catch(() => {
        throw brokenOff();
      });
      if (deadline.isOver) throw tooSlow();
      if (part.done) return collected.bytes();
      collected.add(part.value);
    }
  } catch (problem) {
    // Not awaited: it ends when the rest has been dropped, and the answer need not wait for that.
    reader.cancel().catch(() => {});
    throw problem;
  } finally {
    deadline.clear();
    collected.release();
  }
}

/** How long a body may take: a while, and more for what has come of it. */
export type BodyTimes = Readonly<Record<"bodyMs" | "bodyBytesPerSecondMin", number>>;

/** Ends a body that comes too slowly. A proxy looks after the beginning of one, not after its rest. */
class BodyDeadline {
  isOver = false;
  #timer: ReturnType<typeof setTimeout>;
  readonly #startedAt = performance.now();

  constructor(
    readonly body: { readonly length: number },
    readonly times: BodyTimes,
    readonly end: () => void,
  ) {
    this.#timer = setTimeout(() => this.#look(), times.bodyMs);
  }

  #look(): void {
    const { bodyMs, bodyBytesPerSecondMin } = this.times;
    const dueAt = this.#startedAt + bodyMs + this.body.length / bodyBytesPerSecondMin * 1000;
    const leftMs = dueAt - performance.now();
    this.isOver = leftMs <= 0;
    if (this.isOver) this.end();
    else this.#timer = setTimeout(() => this.#look(), leftMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Gathers parts by copying them. Keeping them would keep the buffers they were read into, 64 KiB
 * each: a body sent one byte a chunk would then cost gigabytes.
 */
class Collected {
  #buffer = new Uint8Array(0);
  #length = 0;
  #parts = 0;
  #taken = 0;

  constructor(readonly bytesMax: number, readonly budget: ByteBudget) {}

  /** @throws {Problem} 413 or 503 */
  add(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.bytesMax) throw tooLarge(tooLargeDetail(this.bytesMax));
    if (++this.#parts > limits.requestChunksMax) {
      throw tooLarge(`A body may come in ${limits.requestChunksMax} chunks: send larger ones`);
    }
    if (length > this.#buffer.length) this.#grow(length);
    this.#buffer.set(part, this.#length);
    this.#length = length;
    freeIfWasteful(part);
  }

  get length(): number {
    return this.#length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length);
  }

  release(): void {
    this.budget.give(this.#taken);
    this.#taken = 0;
  }

  #grow(length: number): void {
    const size = Math.min(this.bytesMax, Math.max(length, this.#buffer.length * 2, 16 * 1024));
    if (!this.budget.take(size - this.#taken)) throw busy();
    this.#taken = size;
    const larger = new Uint8Array(size);
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** Frees the buffer of a part that fills little of it now, long before the collector would. */
function freeIfWasteful(part: Uint8Array): void {
  const { buffer } = part;
  if (buffer instanceof ArrayBuffer && part.length * 4 < buffer.byteLength) buffer.transfer(0);
}

/**
 * What a gzipped body expands to.
 *
 * @throws {Problem} 400 `invalid_gzip`, 413 or 503
 */
export async function expand(
  bytes: Uint8Array<ArrayBuffer>,
  bytesMax: number,
  budget: ByteBudget,
): Promise<Uint8Array> {
  // What it expands to is known only afterwards, so the bound is taken.
  if (!budget.take(bytesMax)) throw busy();
  try {
    return await gunzip(bytes, bytesMax);
  } finally {
    budget.give(bytesMax);
  }
}

const brokenOff = () => badRequest("bad_request", "The body broke off before its end");

const tooSlow = () =>
  new Problem(408, "request_timeout", "The body came too slowly: send the same again");

const busy = () =>
  unavailable("unavailable", "Too many large requests at once: send the same again");
