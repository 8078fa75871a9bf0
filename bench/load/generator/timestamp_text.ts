/**
 * RFC 3339 text of timestamps at a fraction of the cost of `Date.toISOString`: the parts of a day
 * are looked up, not computed.
 *
 * @module
 */

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** "HH:MM:" by minute of the day, and "SS.mmmZ" by millisecond of the minute, the latter made when first met. */
const minuteText: string[] = Array.from(
  { length: 1440 },
  (_, i) => `${pad(Math.floor(i / 60), 2)}:${pad(i % 60, 2)}:`,
);
const secondText: string[] = new Array(MINUTE_MS).fill("");

/** "YYYY-MM-DDT" of the days in use, by the low bits of the day: a history of 40 days fits without a clash. */
const DAYS = 128;
const dayNumber: number[] = new Array(DAYS).fill(NaN);
const dayText: string[] = new Array(DAYS).fill("");

function pad(n: number, width: number): string {
  return String(n).padStart(width, "0");
}

/** `new Date(ms).toISOString()` for years 0 to 9999. */
export function timestampText(ms: number): string {
  const day = Math.floor(ms / DAY_MS);
  const place = day & (DAYS - 1);
  if (dayNumber[place] !== day) {
    dayNumber[place] = day;
    dayText[place] = `${new Date(day * DAY_MS).toISOString().slice(0, 10)}T`;
  }
  const inDay = ms - day * DAY_MS;
  const minute = Math.floor(inDay / MINUTE_MS);
  const inMinute = inDay - minute * MINUTE_MS;
  let seconds = secondText[inMinute]!;
  if (seconds === "") {
    seconds = `${pad(Math.floor(inMinute / 1000), 2)}.${pad(inMinute % 1000, 3)}Z`;
    secondText[inMinute] = seconds;
  }
  return dayText[place]! + minuteText[minute]! + seconds;
}
