import assert from "node:assert/strict";
import { frameHead, opcode, parseFrame } from "./ws_frame.ts";

/** A server's frame: not masked. */
function serverFrame(payload: Uint8Array): Uint8Array {
  const head = frameHead(opcode.text, payload.length).slice(0, -4);
  head[1]! &= 0x7f;
  return Uint8Array.from([...head, ...payload]);
}

Deno.test("frameHead() writes FIN, mask and each form of the length", () => {
  assert.deepEqual([...frameHead(opcode.text, 125)], [0x81, 0xfd, 0, 0, 0, 0]);
  assert.deepEqual([...frameHead(opcode.text, 126)], [0x81, 0xfe, 0, 126, 0, 0, 0, 0]);
  assert.deepEqual(
    [...frameHead(opcode.pong, 65_536)],
    [0x8a, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
  );
});

Deno.test("parseFrame() reads frames of every length once they are whole", () => {
  for (const length of [0, 125, 126, 65_535, 65_536]) {
    const payload = new Uint8Array(length).fill(7);
    const bytes = serverFrame(payload);
    for (const cut of [0, 1, 3, bytes.length - 1]) {
      if (cut < bytes.length) assert.equal(parseFrame(bytes.subarray(0, cut)), undefined);
    }
    const frame = parseFrame(Uint8Array.from([...bytes, 1, 2, 3]))!;
    assert.deepEqual([frame.opcode, frame.bytes], [opcode.text, bytes.length]);
    assert.deepEqual(frame.payload, payload);
  }
});

Deno.test("parseFrame() refuses fragments and masked frames", () => {
  assert.throws(() => parseFrame(Uint8Array.of(0x01, 0x00)), /fragment/);
  assert.throws(() => parseFrame(Uint8Array.of(0x81, 0x80)), /masked/);
});
