/**
 * Answers that are the same for everybody and need no key: their tag and their packed forms are made
 * once. Whoever asks for them again and again must not keep the one thread busy with packing.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { type Coding, preferredCoding } from "./accept_encoding.ts";
import { isKnown, weakTag } from "./entity_tag.ts";
import { pack } from "./pack.ts";

/** What is served; `headers` without those of tag and packing. */
export interface FixedContent {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Made {
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly packed: Map<Coding, Uint8Array<ArrayBuffer>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly tag: string;
}

async function made(make: () => FixedContent | Promise<FixedContent>): Promise<Made> {
  const { text, headers } = await make();
  const plain = new TextEncoder().encode(text);
  const tag = weakTag(plain);
  const all = { ...headers, "etag": tag, "vary": "accept-encoding" };
  return { plain, packed: new Map(), headers: all, tag };
}

function packedAs({ plain, packed }: Made, coding: Coding): Uint8Array<ArrayBuffer> {
  let bytes = packed.get(coding);
  if (bytes === undefined) packed.set(coding, bytes = pack(plain, coding));
  return bytes;
}

/** @param make called when it is first asked for; again when it failed */
export function fixedAnswer(
  make: () => FixedContent | Promise<FixedContent>,
): (request: Request) => Promise<Response> {
  let content: Promise<Made> | undefined;
  return async function answer({ headers: asked }) {
    const now = await (content ??= made(make).catch((error) => {
      content = undefined;
      throw error;
    }));
    const { plain, headers, tag } = now;
    if (isKnown(asked.get("if-none-match"), tag)) {
      const { "content-type": _, ...kept } = headers;
      return new Response(null, { status: 304, headers: kept });
    }
    const coding = plain.length < limits.packBytesMin
      ? undefined
      : preferredCoding(asked.get("accept-encoding"));
    return coding === undefined ? new Response(plain, { headers }) : new Response(
      packedAs(now, coding),
      { headers: { ...headers, "content-encoding": coding } },
    );
  };
}
