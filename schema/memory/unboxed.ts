/**
 * Numbers as V8 likes to keep them: whole ones of 32 bits lie in the object that has them, all others in
 * a box of their own, which a full collection of garbage marks.
 *
 * @module
 */
import { DAY_MS } from "../limits.ts";

/** The same number; what is whole and small, in no box, however it was computed. */
export function unboxed(number: number): number {
  return number === (number | 0) ? number | 0 : number;
}

/** A time or a duration as {@link unboxed} days and the milliseconds beyond; they add up to it exactly. */
export function daysIn(ms: number): number {
  return unboxed(Math.floor(ms / DAY_MS));
}

/** @param days {@link daysIn} it */
export function msBeyond(days: number, ms: number): number {
  return unboxed(ms - days * DAY_MS);
}
