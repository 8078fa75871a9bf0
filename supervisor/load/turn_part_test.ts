import assert from "node:assert/strict";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { systemClock } from "../shard/clock.ts";
import type { StartContext } from "../tree/child.ts";
import { turnChild, type TurnWatch } from "./turn_part.ts";

/** Notes what it is told, and lets tests wait for it. */
class Noted implements TurnWatch {
  readonly took: number[] = [];
  failures = 0;
  refused = { large: 0.25, small: 0 };
  #sentAt = 0;
  #wanted = 0;
  #there: (() => void) | undefined;

  sent(): void {
    this.#sentAt = performance.now();
  }

  answered(): number {
    const ms = performance.now() - this.#sentAt;
    this.took.push(ms);
    if (this.took.length >= this.#wanted) this.#there?.();
    return ms;
  }

  failed(): void {
    this.failures++;
  }

  until(answers: number): Promise<void> {
    this.#wanted = answers;
    return new Promise((resolve) => this.#there = resolve);
  }
}

Deno.test("turnChild() asks itself again and again, counts it, and ends with its child", async () => {
  const noted = new Noted();
  const metrics = new MetricsAccumulator();
  const child = await turnChild(noted, metrics, systemClock()).start({} as StartContext);
  await noted.until(5);
  await child.stop();
  assert.deepEqual(await child.exited, { type: "stopped" });
  assert.equal(noted.failures, 1, "what was on its way at the end is no answer");
  const { turn_seconds, shed_share } = metrics.drain();
  assert.ok((turn_seconds![0]![1] as { count: number }).count >= 5);
  assert.deepEqual(shed_share, [[["large"], 0.25], [["small"], 0]]);
});

Deno.test("turnChild() sees requests of others that wait before it, though timers run in time", async () => {
  // Each of many connections keeps the process busy for a while, and comes again at once.
  const spin = (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    spin(1);
    return new Response(null, { status: 204 });
  });
  const noted = new Noted();
  const child = await turnChild(noted, new MetricsAccumulator(), systemClock()).start(
    {} as StartContext,
  );
  await noted.until(10);
  const request = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let isOver = false;
  const others = Array.from({ length: 100 }, async () => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
    const answer = new Uint8Array(1024);
    while (!isOver) {
      await conn.write(request);
      await conn.read(answer);
    }
  });
  const before = noted.took.length;
  await noted.until(before + 20);
  isOver = true;
  await Promise.all(others);
  await child.stop();
  await server.shutdown();
  const waited = noted.took.slice(before + 5, before + 20).toSorted((a, b) => a - b);
  assert.ok(waited[7]! > 20, `the median of ${waited.map(Math.round)}`);
});
