import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { ClientSocket, closeCode, isTooBig } from "./client_socket.ts";
import { FakeSocket } from "./testing/fake_socket.ts";

function world(isBounded = true) {
  const time = { ms: 0 };
  const raw = new FakeSocket();
  const busy: number[] = [];
  const client = new ClientSocket(raw, {
    now: () => time.ms,
    isBounded,
    later: (run) => run(),
    onBusy: () => busy.push(time.ms),
  });
  return { time, raw, client, busy };
}

Deno.test("send() sends while the reader keeps up, and tells that the socket is busy", () => {
  const { raw, client, busy } = world();
  raw.bufferedAmount = limits.webSocketSendBytesMax - 5;
  assert.equal(client.send("12345"), true);
  assert.deepEqual([raw.sent, raw.closes, busy], [["12345"], [], [0]]);
});

Deno.test("send() closes with 4429 what would queue beyond the bound, and sends nothing", () => {
  const { raw, client } = world();
  raw.bufferedAmount = limits.webSocketSendBytesMax;
  assert.equal(client.send("x"), false);
  assert.equal(client.send("y"), false);
  assert.deepEqual([raw.sent, raw.closes], [[], [closeCode.tooMany]]);
});

Deno.test("send() leaves a closing socket alone", () => {
  const { raw, client } = world();
  raw.readyState = WebSocket.CLOSING;
  assert.equal(client.send("x"), false);
  assert.deepEqual([raw.sent, raw.closes], [[], []]);
});

Deno.test("room() waits until little enough is queued", async () => {
  const { raw, client } = world();
  raw.bufferedAmount = limits.webSocketSendMarkBytes + 1;
  let hasRoom = false;
  const waiting = client.room().then(() => hasRoom = true);
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(hasRoom, false);
  raw.bufferedAmount = limits.webSocketSendMarkBytes;
  await waiting;
});

Deno.test("room() ends when the socket closes", async () => {
  const { raw, client } = world();
  raw.bufferedAmount = limits.webSocketSendMarkBytes + 1;
  const waiting = client.room();
  client.close(1001, "");
  await waiting;
});

Deno.test("takes() closes with 1009 what is too big, and takes nothing afterwards", () => {
  const { raw, client } = world();
  assert.equal(client.takes("x".repeat(11), 10), false);
  assert.equal(client.takes("x", 10), false);
  assert.deepEqual(raw.closes, [closeCode.tooBig]);
});

Deno.test("takes() lets a burst and then the rate through, and closes a flood with 4429", () => {
  const { time, raw, client } = world();
  const { webSocketMessageBurst: burst, webSocketMessagesPerSecond: rate } = limits;
  for (let i = 0; i < burst; i++) assert.ok(client.takes("x", 10));
  for (let i = 0; i < rate; i++) {
    time.ms += 1000 / rate + 0.001;
    assert.ok(client.takes("x", 10), `message ${i} at the rate`);
  }
  assert.deepEqual(raw.closes, []);
  let taken = 0;
  while (client.takes("x", 10)) taken++;
  assert.ok(taken <= 2);
  assert.deepEqual(raw.closes, [closeCode.tooMany]);
});

Deno.test("look() closes who drains nothing for too long, and asks for the cut after that", () => {
  const { time, raw, client } = world();
  client.send("x".repeat(100));
  time.ms = limits.webSocketStallMs - 1;
  assert.equal(client.look(), "busy");
  assert.deepEqual(raw.closes, []);
  time.ms++;
  assert.equal(client.look(), "busy");
  assert.deepEqual(raw.closes, [closeCode.tooMany]);
  assert.equal(client.leavesUnsent, true);
  time.ms += limits.webSocketLingerMs - 1;
  assert.equal(client.look(), "busy");
  time.ms++;
  assert.equal(client.look(), "overdue");
});

Deno.test("look() leaves a slow reader alone who does read", () => {
  const { time, raw, client } = world();
  for (let i = 0; i < 10; i++) {
    client.send("x".repeat(100));
    time.ms += limits.webSocketStallMs - 1;
    raw.bufferedAmount -= 1;
    assert.equal(client.look(), "busy");
  }
  assert.deepEqual(raw.closes, []);
  raw.bufferedAmount = 0;
  assert.equal(client.look(), "calm");
  // What was idle for long is not stalled the moment it is written to.
  time.ms += 10 * limits.webSocketStallMs;
  client.send("x");
  assert.equal(client.look(), "busy");
  assert.deepEqual(raw.closes, []);
});

Deno.test("look() notices a close that the runtime began by itself and cannot end", () => {
  const { time, raw, client } = world();
  raw.readyState = WebSocket.CLOSED;
  assert.equal(client.look(), "busy");
  time.ms = limits.webSocketLingerMs;
  assert.equal(client.look(), "overdue");
});

Deno.test("a client without bounds is neither cut off nor held up", () => {
  const { time, raw, client } = world(false);
  client.send("x".repeat(2 * limits.webSocketSendBytesMax));
  time.ms = 2 * limits.webSocketStallMs;
  client.look();
  for (let i = 0; i < 2 * limits.webSocketMessageBurst; i++) assert.ok(client.takes("x", 10));
  assert.deepEqual([raw.sent.length, raw.closes], [1, []]);
});

Deno.test("isTooBig() counts bytes of UTF-8", () => {
  assert.equal(isTooBig("x".repeat(10), 10), false);
  assert.equal(isTooBig("x".repeat(11), 10), true);
  assert.equal(isTooBig("é".repeat(5), 10), false);
  assert.equal(isTooBig("é".repeat(6), 10), true);
  assert.equal(isTooBig(new ArrayBuffer(10), 10), false);
  assert.equal(isTooBig(new ArrayBuffer(11), 10), true);
});
