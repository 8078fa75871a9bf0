/**
 * Honest traffic of every kind before an attack: the heap of a fresh process grows under any load,
 * in steps of many megabytes, and that is not the attack's doing.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import { bytesOf, postHead, RawConnection } from "./raw_http.ts";

const connections = 4;
const smallRequests = 1_500;
const largeRequests = 120;

export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  return await new Response(stream.pipeThrough(new CompressionStream("gzip"))).bytes();
}

/** An event that is valid. @param id its own and its player's */
export function honestEvent(id: string): Record<string, unknown> {
  return { event_id: id, event_type: "custom", user_id: `u-${id}`, game_id: "drill-hostile" };
}

/** A request in full, as an honest client sends it. */
type Request = (url: URL, key: string) => Uint8Array;

function plain(body: Uint8Array): Request {
  return (url, key) => bytesOf(postHead(url, key, { "Content-Length": String(body.length) }), body);
}

/** The largest batch that is allowed: plain, gzipped, chunked, and as lines of which some are broken. */
async function largeBodies(): Promise<Request[]> {
  const filler = "x".repeat(900);
  const events = Array.from({ length: limits.requestEventsMax }, (_, i) => ({
    ...honestEvent(`l${i}`),
    properties: { filler },
  }));
  const batch = bytesOf(JSON.stringify({ events }));
  const zipped = await gzip(batch);
  const lines = events.map((event, i) => i % 10 === 9 ? "{broken" : JSON.stringify(event));
  const chunked = bytesOf(`${batch.length.toString(16)}\r\n`, batch, "\r\n0\r\n\r\n");
  const gzipHeaders = { "Content-Encoding": "gzip", "Content-Length": String(zipped.length) };
  return [
    plain(batch),
    plain(bytesOf(lines.join("\n"))),
    (url, key) => bytesOf(postHead(url, key, gzipHeaders), zipped),
    (url, key) => bytesOf(postHead(url, key, { "Transfer-Encoding": "chunked" }), chunked),
  ];
}

/**
 * Sends honest traffic over several connections at once.
 *
 * @throws {Error} one was not accepted: then there is nothing to attack
 */
export async function warmUp(url: URL, key: string): Promise<void> {
  const large = await largeBodies();
  let sent = 0;
  const next = (): Request | undefined => {
    const n = sent++;
    if (n < smallRequests) return plain(bytesOf(JSON.stringify(honestEvent(`w${n}`))));
    return n < smallRequests + largeRequests ? large[n % large.length] : undefined;
  };
  const client = async () => {
    const connection = await RawConnection.connect(url);
    for (let request = next(); request !== undefined; request = next()) {
      await connection.write(request(url, key));
      const answer = await connection.answer(10_000);
      if (answer?.status !== 202) {
        throw new Error(`Cannot warm up: ${answer?.status} ${answer?.body.slice(0, 200)}`);
      }
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, client));
}
