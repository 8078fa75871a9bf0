/**
 * Values that are valid JSON and yet would block a partition or silently change on their way:
 * PostgreSQL's jsonb refuses NUL and lone surrogates, `1e999` parses to Infinity and is written
 * back as null, integers beyond ±(2^53−1) lose digits, and deep nesting overflows stacks.
 *
 * @module
 */
import { limits } from "./limits.ts";
import { pathStep, Rejection } from "./rejection.ts";

/** True for text that UTF-8 and jsonb can both hold: no lone surrogate, no NUL. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** True for numbers that survive JSON and a double. */
export function isSafeNumber(value: number): boolean {
  // A double beyond 2^53 is an integer, whatever was written; NaN and infinities fail too.
  return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER;
}

/** The value found, and the steps that lead to it; a step is put before the others on the way up. */
interface Found {
  readonly code: "ill_formed_text" | "unsafe_number" | "too_deep";
  readonly seen: unknown;
  path: string;
}

const expectations = {
  ill_formed_text: "text without NUL (\\u0000) and without lone surrogates",
  unsafe_number: "a finite number within ±9007199254740991",
  too_deep: `nested at most ${limits.jsonDepthMax} levels deep, counted from the event`,
} as const;

/** Recursion ends at `jsonDepthMax`, so the stack is bounded whatever the input. */
function find(value: unknown, depth: number): Found | undefined {
  if (typeof value === "string") {
    if (isStorableText(value)) return undefined;
    return { code: "ill_formed_text", seen: value, path: "" };
  }
  if (typeof value === "number") {
    if (isSafeNumber(value)) return undefined;
    return { code: "unsafe_number", seen: value, path: "" };
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > limits.jsonDepthMax) return { code: "too_deep", seen: value, path: "" };
  return Array.isArray(value)
    ? findInArray(value, depth)
    : findInObject(value as Record<string, unknown>, depth);
}

function findInArray(items: unknown[], depth: number): Found | undefined {
  for (let i = 0; i < items.length; i++) {
    const found = find(items[i], depth + 1);
    if (found !== undefined) {
      found.path = pathStep(i) + found.path;
      return found;
    }
  }
  return undefined;
}

function findInObject(
  object: Record<string, unknown>,
  depth: number,
): Found | undefined {
  for (const key in object) {
    if (!isStorableText(key)) {
      return { code: "ill_formed_text", seen: key, path: pathStep(key) };
    }
    const found = find(object[key], depth + 1);
    if (found !== undefined) {
      found.path = pathStep(key) + found.path;
      return found;
    }
  }
  return undefined;
}

/**
 * Looks through a parsed JSON value for one that must not enter the log.
 *
 * @param key of `value` in its event; starts the path in the message
 * @param depth of `value` when it is a container; the event itself is 1
 */
export function findHostileValue(
  value: unknown,
  key: string,
  depth: number,
): Rejection | undefined {
  const found = find(value, depth);
  if (found === undefined) return undefined;
  const path = pathStep(key).replace(/^\./, "") + found.path;
  return new Rejection(found.code, path, expectations[found.code], found.seen);
}
