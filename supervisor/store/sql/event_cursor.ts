/**
 * Cursors of event pages: a position in (received, partition, offset), opaque to clients.
 *
 * @module
 */
import { InvalidInput } from "../../../schema/errors.ts";

/** Of a smallint, the journal's column. */
const partitionMax = 32_767;

/** Where a page ended. */
export interface EventPosition {
  /** Milliseconds since the Unix epoch. */
  readonly receivedAt: number;
  readonly partition: number;
  readonly offset: number;
}

/** The cursor of a position: URL-safe, without padding. */
export function encodeCursor({ receivedAt, partition, offset }: EventPosition): string {
  return new TextEncoder().encode(`${receivedAt}:${partition}:${offset}`)
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** @throws {InvalidInput} `invalid_cursor`: no cursor of ours */
export function decodeCursor(cursor: string): EventPosition {
  try {
    const text = new TextDecoder().decode(
      Uint8Array.fromBase64(cursor, { alphabet: "base64url" }),
    );
    const [, receivedAt, partition, offset] = /^(\d{1,15}):(\d{1,5}):(\d{1,15})$/.exec(text)!;
    if (Number(partition) <= partitionMax) {
      return {
        receivedAt: Number(receivedAt),
        partition: Number(partition),
        offset: Number(offset),
      };
    }
  } catch {
    // Not base64, or other text: the same fault.
  }
  throw new InvalidInput("invalid_cursor", "The cursor is not one that a page has given", "after");
}
