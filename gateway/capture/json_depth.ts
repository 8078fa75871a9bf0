const quote = 0x22;
const backslash = 0x5c;

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

/** Where the string ends whose opening quote is at `at`; −1: nowhere. */
function closingQuote(json: string, at: number): number {
  // Most of a text is in its strings, which indexOf() passes over faster than a loop here would.
  for (let end = json.indexOf('"', at + 1); end > 0; end = json.indexOf('"', end + 1)) {
    let escapes = 0;
    while (json.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return -1;
}
