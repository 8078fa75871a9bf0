import assert from "node:assert/strict";
import { InvalidInput } from "../../../schema/errors.ts";
import { decodeCursor, encodeCursor } from "./event_cursor.ts";

Deno.test("decodeCursor() returns what encodeCursor() was given", () => {
  for (
    const position of [
      { receivedAt: 0, partition: 0, offset: 0 },
      { receivedAt: 1_769_817_599_123, partition: 11, offset: 9_007_199_254_740 },
    ]
  ) {
    const cursor = encodeCursor(position);
    assert.match(cursor, /^[A-Za-z0-9_-]+$/);
    assert.deepEqual(decodeCursor(cursor), position);
  }
});

Deno.test("decodeCursor() throws invalid_cursor for anything else", () => {
  const coded = (text: string) => btoa(text).replaceAll("=", "");
  for (
    const cursor of [
      "",
      "x",
      "not a cursor",
      "é",
      "\0",
      coded("1:2"),
      coded("1:2:3:4"),
      coded("-1:2:3"),
      coded("1:2:9999999999999999"),
      coded("1:2:3'; drop table"),
      coded("1:2:"),
      // Beyond what the column holds.
      coded("1:32768:3"),
    ]
  ) {
    assert.throws(
      () => decodeCursor(cursor),
      (error) => error instanceof InvalidInput && error.code === "invalid_cursor",
    );
  }
});
