import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { isTooBig, sendBounded } from "./bounded_socket.ts";

/** The part of a socket that sendBounded() uses. */
class FakeSocket {
  readyState: number = WebSocket.OPEN;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  closedWith = 0;
  send(text: string) {
    this.sent.push(text);
  }
  close(code: number) {
    this.closedWith = code;
  }
}
const asSocket = (fake: FakeSocket) => fake as unknown as WebSocket;

Deno.test("sendBounded() sends while the reader keeps up", () => {
  const fake = new FakeSocket();
  fake.bufferedAmount = limits.webSocketSendBytesMax - 5;
  assert.equal(sendBounded(asSocket(fake), "12345"), true);
  assert.deepEqual([fake.sent, fake.closedWith], [["12345"], 0]);
});

Deno.test("sendBounded() closes a stalled reader with 4429 and sends nothing", () => {
  const fake = new FakeSocket();
  fake.bufferedAmount = limits.webSocketSendBytesMax;
  assert.equal(sendBounded(asSocket(fake), "x"), false);
  assert.deepEqual([fake.sent, fake.closedWith], [[], 4429]);
});

Deno.test("sendBounded() leaves a closing socket alone", () => {
  const fake = new FakeSocket();
  fake.readyState = WebSocket.CLOSING;
  assert.equal(sendBounded(asSocket(fake), "x"), false);
  assert.deepEqual([fake.sent, fake.closedWith], [[], 0]);
});

Deno.test("isTooBig() counts bytes of UTF-8", () => {
  assert.equal(isTooBig("x".repeat(10), 10), false);
  assert.equal(isTooBig("x".repeat(11), 10), true);
  assert.equal(isTooBig("é".repeat(5), 10), false);
  assert.equal(isTooBig("é".repeat(6), 10), true);
  assert.equal(isTooBig(new ArrayBuffer(10), 10), false);
  assert.equal(isTooBig(new ArrayBuffer(11), 10), true);
});
