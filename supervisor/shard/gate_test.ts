import assert from "node:assert/strict";
import { Gate } from "./gate.ts";

const never = new AbortController().signal;

Deno.test("Gate.open() wakes everybody who waits, and nobody who comes later", async () => {
  const gate = new Gate();
  const woken: string[] = [];
  const wait = async (name: string) => {
    await gate.wait(never);
    woken.push(name);
  };
  const both = Promise.all([wait("a"), wait("b")]);
  assert.deepEqual(woken, []);
  gate.open();
  const late = wait("c");
  await both;
  assert.deepEqual(woken, ["a", "b"]);
  assert.equal(gate.waiting, 1);
  gate.open();
  await late;
});

Deno.test("Gate.open() is not remembered", () => {
  const gate = new Gate();
  gate.open();
  void gate.wait(never);
  assert.equal(gate.waiting, 1);
});

Deno.test("Gate.wait() resolves when its signal aborts, and at once when it has", async () => {
  const gate = new Gate();
  const abort = new AbortController();
  const wait = gate.wait(abort.signal);
  abort.abort();
  await wait;
  await gate.wait(abort.signal);
});

Deno.test("Gate forgets who gave up waiting", async () => {
  const gate = new Gate();
  for (let i = 0; i < 1000; i++) {
    const abort = new AbortController();
    const wait = gate.wait(abort.signal);
    abort.abort();
    await wait;
  }
  assert.equal(gate.waiting, 0);
});

Deno.test("Gate takes its listener back from the signal", async () => {
  const gate = new Gate();
  const abort = new AbortController();
  let listeners = 0;
  const { signal } = abort;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...input: Parameters<typeof add>) => (listeners++, add(...input));
  signal.removeEventListener = (
    ...input: Parameters<typeof remove>
  ) => (listeners--, remove(...input));
  for (let i = 0; i < 10; i++) {
    const wait = gate.wait(signal);
    assert.equal(listeners, 1);
    gate.open();
    await wait;
  }
  assert.equal(listeners, 0);
});
