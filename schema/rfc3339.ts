/**
 * Strict RFC 3339 date-times. `Date.parse` takes many other forms, differs between engines and
 * lets 30 February roll over; an event day must not depend on that.
 *
 * @module
 */

const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** The number that the `count` digits of `text` at `at` write, or -1 when one is not a digit. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    // charCodeAt past the end is NaN, which fails this comparison too.
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 to a real date of the proleptic Gregorian calendar, years 0 to 9999. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const past = year - 1;
  const leapDays = Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400);
  const leapDayThisYear = month > 2 && isLeapYear(year) ? 1 : 0;
  // 719,162 days lie between 0001-01-01 and 1970-01-01.
  return past * 365 + leapDays + daysBeforeMonth[month - 1]! + leapDayThisYear + day - 1 - 719_162;
}

/**
 * The days since the Unix epoch of an RFC 3339 full-date, `2026-01-31`.
 *
 * @returns `NaN` when it is not one, or no day of the calendar
 */
export function parseFullDate(text: string): number {
  return text.length === 10 ? fullDateAt(text) : NaN;
}

function fullDateAt(text: string): number {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  if (year < 0 || text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return NaN;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return NaN;
  return daysSinceEpoch(year, month, day);
}

/** The offset in minutes that `text` from `at` to its end writes, or `NaN`. */
function offsetMinutes(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if (sign === 0x5a || sign === 0x7a) return at + 1 === text.length ? 0 : NaN;
  if ((sign !== 0x2b && sign !== 0x2d) || text.length !== at + 6) return NaN;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return NaN;
  if (text.charCodeAt(at + 3) !== 0x3a) return NaN;
  return sign === 0x2d ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

/**
 * The milliseconds since the Unix epoch of an RFC 3339 date-time. The letters `T` and `Z` may be
 * small, an offset is required, and fractions finer than a millisecond are cut. A leap second
 * (`23:59:60` UTC) counts as the last millisecond before it ends, so that its day stays its day.
 *
 * @returns `NaN` when it is not one, or no moment of the calendar
 */
export function parseDateTime(text: string): number {
  const days = fullDateAt(text);
  const separator = text.charCodeAt(10);
  if (days !== days || (separator !== 0x54 && separator !== 0x74)) return NaN;
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  let second = digits(text, 17, 2);
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return NaN;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return NaN;
  let at = 19;
  let millis = 0;
  if (text.charCodeAt(at) === 0x2e) {
    const first = ++at;
    for (let digit = digits(text, at, 1); digit >= 0; digit = digits(text, at, 1)) {
      if (at - first < 3) millis += digit * (at === first ? 100 : at === first + 1 ? 10 : 1);
      at++;
    }
    if (at === first) return NaN;
  }
  const offset = offsetMinutes(text, at);
  if (offset !== offset) return NaN;
  const minuteOfUtc = hour * 60 + minute - offset;
  if (second === 60) {
    if (((minuteOfUtc % 1440) + 1440) % 1440 !== 1439) return NaN;
    second = 59;
    millis = 999;
  }
  return days * 86_400_000 + minuteOfUtc * 60_000 + second * 1000 + millis;
}
