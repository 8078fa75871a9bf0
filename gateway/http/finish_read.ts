/**
 * What is done to an answer of a read before it leaves: an entity tag, 304 for who has it already, and
 * packing. Streams pass as they are, and captures never come here.
 *
 * On packing and secrets: a body that holds both a secret and text of an attacker's choosing tells the
 * secret by its packed length (BREACH), if the attacker can make a victim's browser ask for it. Here a
 * request has its key in a header that no other site can make a browser send, there are no cookies,
 * and the one answer that shows a secret (a new API key) says `no-transform`, which is heeded.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { preferredCoding } from "./accept_encoding.ts";
import { isKnown, weakTag } from "./entity_tag.ts";
import { pack } from "./pack.ts";

/** Bodies that are whole when they are sent, and text. */
const packable = /^(application\/([\w.-]+\+)?json|text\/(?!event-stream)[\w.-]+)\s*(;|$)/i;

const isRead = ({ method }: Request) => method === "GET" || method === "HEAD";

/** Adds to `Vary` what is not there yet. */
export function vary(headers: Headers, name: string): void {
  const known = headers.get("vary")?.toLowerCase().split(",").map((one) => one.trim()) ?? [];
  if (!known.includes(name) && !known.includes("*")) headers.append("vary", name);
}

/** The same answer without a body, for a client that has it. */
function notModified({ headers }: Response): Response {
  const kept = new Headers(headers);
  for (const name of ["content-type", "content-length", "content-encoding"]) kept.delete(name);
  return new Response(null, { status: 304, headers: kept });
}

/**
 * @param response that of a read; its body is read if it is to be tagged or packed
 * @returns it, or another in its place
 */
export async function finishRead(request: Request, response: Response): Promise<Response> {
  const { headers, body } = response;
  if (body === null || !packable.test(headers.get("content-type") ?? "")) return response;
  // Whoever has tagged it has packed it, too, if it is to be.
  if (headers.has("content-encoding") || headers.has("etag")) return response;
  const cacheControl = headers.get("cache-control") ?? "";
  const isTagged = response.status === 200 && isRead(request) && !cacheControl.includes("no-store");
  const mayPack = !cacheControl.includes("no-transform");
  if (mayPack) vary(headers, "accept-encoding");
  const coding = mayPack ? preferredCoding(request.headers.get("accept-encoding")) : undefined;
  if (!isTagged && coding === undefined) return response;
  let bytes = new Uint8Array(await response.arrayBuffer());
  if (isTagged) {
    const tag = weakTag(bytes);
    headers.set("etag", tag);
    if (isKnown(request.headers.get("if-none-match"), tag)) return notModified(response);
  }
  if (coding !== undefined && bytes.length >= limits.packBytesMin) {
    bytes = pack(bytes, coding);
    headers.set("content-encoding", coding);
  }
  headers.delete("content-length");
  return new Response(bytes, { status: response.status, headers });
}
