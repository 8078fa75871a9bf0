import { closingQuote } from "../../schema/json_text.ts";

const quote = 0x22;

/**
 * True when the brackets of a JSON text nest deeper than `depthMax`. It runs before any parsing, since a
 * parser spends a quarter of a second and 60 MB on a megabyte of `[`. On text that is not JSON its answer
 * means nothing more than that.
 */
export function isDeeperThan(json: string, depthMax: number): boolean {
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i);
    if (unit === quote) {
      i = closingQuote(json, i);
      if (i < 0) return false;
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > depthMax) return true;
    } else if (unit === 0x5d || unit === 0x7d) {
      depth--;
    }
  }
  return false;
}
