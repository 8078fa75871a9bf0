/**
 * Entity tags of answers to reads (RFC 9110, section 8.8.3).
 *
 * They are **weak**: a tag is made of the body before it is packed, so that one names the plain, the
 * gzipped and the brotli form, which are no equal bytes. Nothing is lost by it: `If-None-Match`
 * compares weakly anyway, and there are no ranges and no writes that a strong one would be for.
 *
 * @module
 */
import { hash } from "node:crypto";

/** 128 bits: a client that found two equal bodies' tags would deceive itself alone. */
const digitsOfTag = 22;

/** The tag of a body, with its quotes. */
export function weakTag(body: Uint8Array): string {
  return `W/"${hash("sha256", body, "base64url").slice(0, digitsOfTag)}"`;
}

/** The opaque part, by which tags are compared weakly. */
const opaque = (tag: string) => tag.replace(/^W\//, "");

/** Whether `If-None-Match` names the tag. @param header `null` names none */
export function isKnown(header: string | null, tag: string): boolean {
  if (header === null) return false;
  if (header.trim() === "*") return true;
  const known = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return known.some((one) => opaque(one) === opaque(tag));
}
