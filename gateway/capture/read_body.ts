/**
 * Reads a request's body within bounds, whatever its headers claim.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { badRequest, Problem, tooLarge, unavailable } from "../problem.ts";
import type { ByteBudget } from "./byte_budget.ts";
import { concat, gunzip } from "./gunzip.ts";

const tooLargeDetail = (bytesMax: number) =>
  `A request may have ${bytesMax} bytes: send the events in smaller batches`;

/** Ends a body that nobody will read, so that the connection does not wait for it. */
export function dropBody(request: Request): void {
  if (request.body === null || request.bodyUsed) return;
  request.body.cancel().catch(() => {});
}

/**
 * The body, decompressed.
 *
 * @param bytesMax bound on the bytes sent and on the bytes they expand to
 * @param budget shared by all requests; a body that does not fit into it now is answered 503
 * @throws {Problem} 400, 413, 415 or 503; the rest of the body is then dropped unread
 */
export async function readBody(
  request: Request,
  bytesMax: number,
  budget: ByteBudget,
): Promise<Uint8Array> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  const declared = request.headers.get("content-length");
  if (encoding !== "identity" && encoding !== "gzip" && encoding !== "x-gzip") {
    dropBody(request);
    const detail = `Content-Encoding must be gzip or absent: got ${JSON.stringify(encoding)}`;
    throw new Problem(415, "unsupported_encoding", detail);
  }
  if (declared !== null && Number(declared) > bytesMax) {
    dropBody(request);
    throw tooLarge(tooLargeDetail(bytesMax));
  }
  // The common case, and a third cheaper than a stream. The HTTP server holds a body to its
  // Content-Length unless it is chunked, and then there must be none.
  const isSmall = declared !== null && Number(declared) <= limits.eventBytesMax &&
    !request.headers.has("transfer-encoding");
  const bytes = isSmall
    ? await readWhole(request, bytesMax)
    : await readStream(request, bytesMax, budget);
  return encoding === "identity" ? bytes : await expand(bytes, bytesMax, budget);
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
): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const parts: Uint8Array[] = [];
  let total = 0;
  let taken = 0;
  const refuse = (problem: Problem): never => {
    reader.cancel().catch(() => {});
    throw problem;
  };
  try {
    for (;;) {
      const part = await reader.read().catch(() => refuse(brokenOff()));
      if (part.done) return concat(parts, total);
      total += part.value.length;
      if (total > bytesMax) refuse(tooLarge(tooLargeDetail(bytesMax)));
      if (!budget.take(part.value.length)) refuse(busy());
      taken += part.value.length;
      parts.push(part.value);
    }
  } finally {
    budget.give(taken);
  }
}

async function expand(
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

const busy = () =>
  unavailable("unavailable", "Too many large requests at once: send the same events again");
