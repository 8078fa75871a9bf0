/**
 * The PROXY protocol, versions 1 and 2: what a proxy says about a connection before its first byte.
 *
 * @module
 */
import { parseAddress } from "../../schema/net/cidr.ts";

/** A header that is whole. */
export interface ProxyHeader {
  /** Its length; what the client sent follows. */
  readonly bytes: number;
  /** Whom the proxy speaks for; `undefined` when it speaks for itself. */
  readonly source: { readonly hostname: string; readonly port: number } | undefined;
}

const signature = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
const v1Start = [80, 82, 79, 88, 89, 32];
const v1BytesMax = 107;
/** Of what follows the first 16 bytes: addresses, and extensions that are not read. */
const v2RestMax = 1024;
const decoder = new TextDecoder("latin1");

/** How bytes begin with `start`: wholly, not at all, or as far as they go. */
function begins(bytes: Uint8Array, start: readonly number[]): "yes" | "no" | "maybe" {
  const length = Math.min(bytes.length, start.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== start[i]) return "no";
  return length < start.length ? "maybe" : "yes";
}

function readV1(bytes: Uint8Array): ProxyHeader | "more" | "wrong" {
  const end = bytes.subarray(0, v1BytesMax).indexOf(10);
  if (end < 0) return bytes.length < v1BytesMax ? "more" : "wrong";
  const line = decoder.decode(bytes.subarray(0, end + 1));
  if (/^PROXY UNKNOWN( [^\r\n]*)?\r\n$/.test(line)) return { bytes: end + 1, source: undefined };
  const form = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line);
  if (form === null) return "wrong";
  const [, family, hostname = "", , port] = form;
  const isRight = parseAddress(hostname) !== undefined && Number(port) <= 65_535 &&
    hostname.includes(":") === (family === "6");
  return isRight ? { bytes: end + 1, source: { hostname, port: Number(port) } } : "wrong";
}

const groupsOf = (bytes: Uint8Array): string =>
  Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16))
    .join(":");

function readV2(bytes: Uint8Array): ProxyHeader | "more" | "wrong" {
  if (bytes.length < 16) return "more";
  const [command, family] = [bytes[12]!, bytes[13]!];
  const rest = bytes[14]! * 256 + bytes[15]!;
  if (command >> 4 !== 2 || (command & 15) > 1 || rest > v2RestMax) return "wrong";
  const end = 16 + rest;
  if (bytes.length < end) return "more";
  // LOCAL: a health check of the proxy's own.
  if ((command & 15) === 0) return { bytes: end, source: undefined };
  const portAt = (at: number) => bytes[at]! * 256 + bytes[at + 1]!;
  if (family === 0x11 && rest >= 12) {
    const hostname = bytes.subarray(16, 20).join(".");
    return { bytes: end, source: { hostname, port: portAt(24) } };
  }
  if (family === 0x21 && rest >= 36) {
    return { bytes: end, source: { hostname: groupsOf(bytes.subarray(16, 32)), port: portAt(48) } };
  }
  return family === 0 ? { bytes: end, source: undefined } : "wrong";
}

/**
 * Reads the header at the beginning of what a trusted proxy sends.
 *
 * @returns `none`: this is no such header; `more`: it may be one; `wrong`: one that cannot be read
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | "none" | "more" | "wrong" {
  const [v1, v2] = [begins(bytes, v1Start), begins(bytes, signature)];
  if (v1 === "yes") return readV1(bytes);
  if (v2 === "yes") return readV2(bytes);
  return v1 === "maybe" || v2 === "maybe" ? "more" : "none";
}
