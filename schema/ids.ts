/**
 * What an id may look like: of users, games, sessions and events. The check by hand is for the hot
 * path; the zod schema says the same.
 *
 * @module
 */
import { z } from "zod";
import { isStorableText } from "./hostile_values.ts";
import { limits } from "./limits.ts";

/** True for 1 to `charsMax` code units of storable text without control characters. */
export function isId(value: unknown, charsMax: number): value is string {
  if (typeof value !== "string" || value.length === 0 || value.length > charsMax) return false;
  let hasSurrogates = false;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    // Ids become log keys, and a log line ends at a newline and splits at a tab.
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return false;
    if (unit >= 0xd800 && unit <= 0xdfff) hasSurrogates = true;
  }
  return !hasSurrogates || value.isWellFormed();
}

/** True for what may stand as `user_id`, and so for the other ids of a player. */
export const isUserId = (value: unknown): value is string => isId(value, limits.idCharsMax);

/** An id in words, for messages. */
export const idText = (charsMax: number): string =>
  `1 to ${charsMax} characters of text without control characters`;

/** Storable text of 1 to `charsMax` UTF-16 code units without control characters. */
export function idSchema(charsMax: number): z.ZodString {
  // deno-lint-ignore no-control-regex -- control characters are what it keeps out
  const noControls = /^[^\u0000-\u001f\u007f-\u009f]*$/;
  return z.string().min(1).max(charsMax).regex(noControls).refine(isStorableText);
}
