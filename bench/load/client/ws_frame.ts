/**
 * Frames of the WebSocket protocol, as far as a load generator meets them: whole text messages,
 * ping and close. Source: RFC 6455, section 5.2.
 *
 * @module
 */

export const opcode = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** A frame as received. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Bytes of the whole frame. */
  readonly bytes: number;
}

/**
 * The head of a client's frame. Its mask is zero, so the payload follows as it is: masking guards
 * proxies against hostile pages, and costs a pass over every byte.
 */
export function frameHead(code: number, payloadBytes: number): Uint8Array {
  const extended = payloadBytes < 126 ? 0 : payloadBytes < 65_536 ? 2 : 8;
  const head = new Uint8Array(2 + extended + 4);
  const view = new DataView(head.buffer);
  head[0] = 0x80 | code;
  head[1] = 0x80 | (extended === 0 ? payloadBytes : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, payloadBytes);
  if (extended === 8) view.setBigUint64(2, BigInt(payloadBytes));
  return head;
}

/**
 * The first frame in `bytes`; `undefined` while it is not all there.
 *
 * @throws {Error} it is masked or a fragment: no server sends that to us
 */
export function parseFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < 2) return undefined;
  if ((bytes[0]! & 0x80) === 0 || (bytes[1]! & 0x80) !== 0) {
    throw new Error("Cannot read a WebSocket frame that is masked or a fragment");
  }
  const short = bytes[1]! & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = short < 126
    ? short
    : short === 126
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  const end = start + length;
  if (bytes.length < end) return undefined;
  return { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(start, end), bytes: end };
}
