/**
 * Cursors of leaderboards: an offset behind an opaque form, so that it can change.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { show } from "../../schema/rejection.ts";
import { graphqlError } from "./errors.ts";

/** The cursor of the entry with this rank, counted from 1. */
export function rankCursor(rank: number): string {
  return btoa(`rank:${rank}`);
}

/**
 * How many entries lie before what follows `cursor`.
 *
 * @throws {GraphQLError} `BAD_USER_INPUT`
 */
export function offsetAfter(cursor: string | null | undefined): number {
  if (cursor === null || cursor === undefined) return 0;
  let rank = NaN;
  try {
    rank = Number(/^rank:([1-9][0-9]{0,8})$/.exec(atob(cursor))?.[1]);
  } catch {
    // Not base64: the same fault.
  }
  if (!Number.isNaN(rank)) return rank;
  throw graphqlError("BAD_USER_INPUT", `after must be an endCursor: got ${show(cursor)}`);
}

/**
 * The page size a client asked for.
 *
 * @throws {GraphQLError} `BAD_USER_INPUT`
 */
export function pageSize(first: number | null | undefined): number {
  const size = first ?? 50;
  if (size >= 0 && size <= limits.pageSizeMax) return size;
  throw graphqlError("BAD_USER_INPUT", `first must be 0 to ${limits.pageSizeMax}: got ${size}`);
}
