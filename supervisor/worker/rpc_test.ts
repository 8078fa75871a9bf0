import assert from "node:assert/strict";
import {
  ActorHalted,
  Fenced,
  InvalidInput,
  InvariantBroken,
  OffsetMissing,
  OutcomeUnknown,
  Terminal,
  Unavailable,
} from "../../schema/errors.ts";
import { type Handlers, Rpc } from "./rpc.ts";

/** Two sides of a real message channel; `close` ends the ports. */
function pair(left: Handlers, right: Handlers) {
  const { port1, port2 } = new MessageChannel();
  const sides = { a: new Rpc(port1, left), b: new Rpc(port2, right) };
  port1.start();
  port2.start();
  return {
    ...sides,
    [Symbol.dispose]: () => {
      port1.close();
      port2.close();
    },
  };
}

const thrower = (error: unknown) => ({
  fail: () => {
    throw error;
  },
});

Deno.test("Rpc.call() gives what the other side's handler gives, at once or later", async () => {
  using rpc = pair({}, {
    add: ({ x, y }: { x: number; y: number }) => x + y,
    later: async (n: number) => {
      await Promise.resolve();
      return { n, list: [1, null, "ä"] };
    },
    nothing: () => {},
  });
  assert.equal(await rpc.a.call("add", { x: 2, y: 3 }), 5);
  assert.deepEqual(await rpc.a.call("later", 7), { n: 7, list: [1, null, "ä"] });
  assert.equal(await rpc.a.call("nothing", null), undefined);
});

Deno.test("Rpc.call() works in both directions at the same time, each answer to its own call", async () => {
  const gate = Promise.withResolvers<void>();
  using rpc = pair({ left: (n: number) => `left ${n}` }, {
    slow: async (n: number) => {
      await gate.promise;
      return `slow ${n}`;
    },
    fast: async (n: number) => {
      const left = await rpc.b.call<string>("left", n);
      gate.resolve();
      return `fast ${n}, ${left}`;
    },
  });
  const answers = await Promise.all([rpc.a.call("slow", 1), rpc.a.call("fast", 2)]);
  assert.deepEqual(answers, ["slow 1", "fast 2, left 2"]);
});

const kept = [
  new InvalidInput("invalid_field", "Cannot take 'x'", "properties.x"),
  new Unavailable("store", "It is away"),
  new OutcomeUnknown("log", "No answer"),
  new Fenced("Taken"),
  new Terminal("disk_gone", "It is gone"),
  new ActorHalted("s/a", "its snapshot is gone"),
  new InvariantBroken("Impossible"),
];

for (const error of kept) {
  Deno.test(`Rpc.call() throws ${error.name} with its class, code and message`, async () => {
    using rpc = pair({}, thrower(error));
    await assert.rejects(rpc.a.call("fail", null), (thrown: typeof error) => {
      assert.equal(thrown.constructor, error.constructor);
      const { name, code, isPublic } = error;
      assert.deepEqual([thrown.name, thrown.code, thrown.isPublic], [name, code, isPublic]);
      if (error.name !== "InvariantBroken") assert.equal(thrown.message, error.message);
      assert.ok(thrown.message.includes(error.message));
      const detail = (e: object) =>
        ["resource", "path", "actorId", "reason"].map((key) => Reflect.get(e, key));
      assert.deepEqual(detail(thrown), detail(error));
      assert.equal(thrown.stack, error.stack, "where it was thrown");
      return true;
    });
  });
}

Deno.test("Rpc.call() throws InvariantBroken for errors of no class of ours", async () => {
  const foreign = [
    new TypeError("not a function"),
    new OffsetMissing("t", 0, 1, "2 to 3"),
    "text",
    null,
  ];
  for (const error of foreign) {
    using rpc = pair({}, thrower(error));
    await assert.rejects(rpc.a.call("fail", null), (thrown: Error) => {
      assert.ok(thrown instanceof InvariantBroken);
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      assert.equal(thrown.message, `${name}: ${message}`);
      return true;
    });
  }
});

Deno.test("Rpc.call() throws when nobody serves the name, not even Object does", async () => {
  using rpc = pair({}, {});
  for (const name of ["nobody", "constructor", "__proto__", "toString"]) {
    await assert.rejects(rpc.a.call(name, null), {
      name: "InvariantBroken",
      message: new RegExp(`Nobody serves '${name}' here`),
    });
  }
});

Deno.test("Rpc.call() throws when the answer or the input cannot be cloned, and goes on", async () => {
  using rpc = pair({}, { secret: () => () => 1, ok: () => 1 });
  await assert.rejects(rpc.a.call("secret", null), InvariantBroken);
  await assert.rejects(rpc.a.call("ok", () => 1), { name: "DataCloneError" });
  assert.equal(await rpc.a.call("ok", null), 1);
});

Deno.test("Rpc.call() transfers what it is told to", async () => {
  using rpc = pair({}, { size: (buffer: ArrayBuffer) => buffer.byteLength });
  const buffer = new ArrayBuffer(8);
  assert.equal(await rpc.a.call("size", buffer, [buffer]), 8);
  assert.equal(buffer.byteLength, 0);
});

Deno.test("Rpc.notify() tells the other side and waits for nothing", async () => {
  const told: unknown[] = [];
  using rpc = pair({}, { note: (input: unknown) => told.push(input), sync: () => true });
  rpc.a.notify("note", 1);
  rpc.a.notify("nobody listens", 2);
  rpc.a.notify("note", { x: 3 });
  await rpc.a.call("sync", null);
  assert.deepEqual(told, [1, { x: 3 }]);
});

Deno.test("Rpc.close() fails the calls that wait and all later ones", async () => {
  const gate = Promise.withResolvers<number>();
  using rpc = pair({}, { wait: () => gate.promise });
  const waiting = rpc.a.call("wait", null);
  const reason = new Unavailable("shard", "The worker is gone");
  rpc.a.close(reason);
  await assert.rejects(waiting, reason);
  await assert.rejects(rpc.a.call("wait", null), reason);
  rpc.a.notify("note", 1);
  gate.resolve(1);
  assert.equal(await rpc.b.call("nothing", 0).catch((error) => error.name), "InvariantBroken");
});
