/**
 * Rejected input as `dlq.events` keeps it: enough to see what was sent, never more than its bound.
 *
 * @module
 */
import type { DeadLetter } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import type { Rejection } from "../../schema/rejection.ts";
import { BrokenLine } from "./decode_events.ts";

const encoder = new TextEncoder();
const scratch = new Uint8Array(limits.deadLetterPayloadBytesMax);
const shownDepthMax = 64;

/** `text` as jsonb can hold it, cut between characters at the payload's bound. */
export function cutText(text: string): string {
  // A code unit is at least a byte, so what lies behind the bound needs no cleaning.
  const head = text.slice(0, limits.deadLetterPayloadBytesMax);
  const clean = head.toWellFormed().replaceAll("\0", "\ufffd");
  const { read } = encoder.encodeInto(clean, scratch);
  return clean.slice(0, read);
}

/** Writes JSON until `charsMax` is reached, so that a megabyte is not written to keep 4 KiB of it. */
class JsonHead {
  text = "";
  constructor(readonly charsMax: number) {}

  get isFull(): boolean {
    return this.text.length >= this.charsMax;
  }

  write(value: unknown, depth = 1): void {
    if (this.isFull) return;
    if (typeof value === "string") {
      this.text += JSON.stringify(value.slice(0, this.charsMax));
    } else if (typeof value !== "object" || value === null) {
      // Infinity, which JSON.parse makes of 1e999, would be written as null.
      this.text += typeof value === "number" ? String(value) : JSON.stringify(value);
    } else if (depth > shownDepthMax) {
      this.text += `"…"`;
    } else if (Array.isArray(value)) {
      this.#writeArray(value, depth);
    } else {
      this.#writeObject(value as Record<string, unknown>, depth);
    }
  }

  #writeArray(items: unknown[], depth: number): void {
    this.text += "[";
    for (let i = 0; i < items.length && !this.isFull; i++) {
      if (i > 0) this.text += ",";
      this.write(items[i], depth + 1);
    }
    this.text += "]";
  }

  #writeObject(object: Record<string, unknown>, depth: number): void {
    this.text += "{";
    let isFirst = true;
    for (const key in object) {
      if (this.isFull) break;
      if (!isFirst) this.text += ",";
      isFirst = false;
      this.text += `${JSON.stringify(key.slice(0, this.charsMax))}:`;
      this.write(object[key], depth + 1);
    }
    this.text += "}";
  }
}

/** The input as text: an event as `JSON.parse` gave it, a broken line as it came. */
export function payloadOf(item: unknown): string {
  if (item instanceof BrokenLine) return cutText(item.text);
  const head = new JsonHead(limits.deadLetterPayloadBytesMax);
  head.write(item);
  return cutText(head.text);
}

/** The dead letter of one rejected event. */
export function deadLetterOf(studio: string, item: unknown, rejection: Rejection): DeadLetter {
  const { code, message, path } = rejection;
  const letter: DeadLetter = { studio, source: "gateway", code, message, payload: payloadOf(item) };
  if (path !== "") letter.path = path;
  return letter;
}

/** The dead letter of a body that could not be taken apart into events. */
export function deadLetterOfBody(
  studio: string,
  body: Uint8Array,
  code: string,
  message: string,
): DeadLetter {
  const head = body.subarray(0, limits.deadLetterPayloadBytesMax);
  const payload = cutText(new TextDecoder().decode(head));
  return { studio, source: "gateway", code, message, payload };
}
