/**
 * Bounded gunzip: deflate expands up to 1,032-fold, so a body of 1 MiB could become 1 GiB.
 *
 * @module
 */
import { badRequest, tooLarge } from "../problem.ts";

/** What one write may expand to is bounded by this times 1,032: 1 MiB. */
const sliceBytes = 1024;

async function feed(writer: WritableStreamDefaultWriter, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += sliceBytes) {
    // Awaited, so that no slice is expanded before the reader has taken the one before it.
    await writer.ready;
    await writer.write(bytes.subarray(at, at + sliceBytes));
  }
  await writer.close();
}

/**
 * @returns the bytes that `bytes` hold compressed
 * @throws {Problem} 413 when they are more than `bytesMax`, 400 `invalid_gzip` when it is no gzip
 */
export async function gunzip(
  bytes: Uint8Array<ArrayBuffer>,
  bytesMax: number,
): Promise<Uint8Array> {
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  // The reader sees the same fault; without a handler here it would count as unhandled.
  const fed = feed(writer, bytes).catch(() => {});
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      total += part.value.length;
      if (total > bytesMax) break;
      parts.push(part.value);
    }
  } catch {
    throw badRequest("invalid_gzip", "Content-Encoding says gzip, but the body is not valid gzip");
  }
  if (total > bytesMax) {
    await Promise.allSettled([writer.abort(), reader.cancel()]);
    throw tooLarge(`The body expands to more than ${bytesMax} bytes: send it in smaller parts`);
  }
  await fed;
  return concat(parts, total);
}

/** One array of `total` bytes from its parts. */
function concat(parts: readonly Uint8Array[], total: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
