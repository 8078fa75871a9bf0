import assert from "node:assert/strict";
import fc from "fast-check";
import type { Strategy } from "./child.ts";
import { Supervisor } from "./supervisor.ts";
import { fakeEnv, type Puppet } from "./tree_fakes.ts";

type Step =
  | { readonly do: "fail" | "finish" | "break start" | "mend start"; readonly child: number }
  | { readonly do: "hold" | "release"; readonly child: number; readonly gate: "start" | "stop" }
  | { readonly do: "wait"; readonly ms: number };

const child = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom("fail", "fail", "finish", "break start", "mend start"),
    child,
  }),
  fc.record({
    do: fc.constantFrom("hold", "release"),
    child,
    gate: fc.constantFrom("start", "stop"),
  }),
  fc.record({ do: fc.constant("wait"), ms: fc.nat(300) }),
) as fc.Arbitrary<Step>;

/** Carries out steps on puppets and lets everything go at the end. */
class Script {
  readonly #gates = new Map<string, () => void>();

  constructor(readonly puppets: readonly Puppet[]) {}

  take(step: Exclude<Step, { do: "wait" }>): void {
    const puppet = this.puppets[step.child]!;
    if (step.do === "fail") puppet.fail();
    else if (step.do === "finish") puppet.finish();
    else if (step.do === "break start") puppet.startError = new Error("broken");
    else if (step.do === "mend start") puppet.startError = null;
    else if (step.do === "hold") this.#hold(step.child, step.gate);
    else if (step.do === "release") this.#release(step.child, step.gate);
  }

  heal(): void {
    this.puppets.forEach((puppet, i) => {
      puppet.startError = null;
      this.#release(i, "start");
      this.#release(i, "stop");
    });
  }

  #hold(child: number, gate: "start" | "stop"): void {
    this.#release(child, gate);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gates.set(gate + child, resolve);
    this.puppets[child]![`${gate}Gate`] = promise;
  }

  #release(child: number, gate: "start" | "stop"): void {
    this.#gates.get(gate + child)?.();
    this.puppets[child]![`${gate}Gate`] = Promise.resolve();
  }
}

/** Nobody lives twice at once, and whoever comes up finds those before him up or starting. */
function assertHistory(events: readonly string[], strategy: Strategy): void {
  const up = new Set<string>();
  for (const event of events) {
    const [what, id] = event.split(" ") as [string, string];
    if (what === "up") {
      assert.ok(!up.has(id), `${id} came up twice: ${events.join(", ")}`);
      up.add(id);
    } else if (["failed", "done", "down"].includes(what)) up.delete(id);
    if (what === "start") {
      assert.ok(!up.has(id), `${id} was started while it ran: ${events.join(", ")}`);
      const later = [...up].filter((other) => other > id);
      if (strategy !== "one_for_one") {
        assert.deepEqual(later, [], `${id} was started under later ones: ${events.join(", ")}`);
      }
    }
  }
}

for (const strategy of ["one_for_one", "one_for_all", "rest_for_one"] as const) {
  Deno.test(`Supervisor (${strategy}) under any failures: one life at a time, all up when healed, none after stop`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { env, clock, events, puppet } = fakeEnv();
        const puppets = ["a", "b", "c", "d"].map(puppet);
        // No stop may time out: a child left behind is allowed to overlap with its successor.
        const children = puppets.map((p) => p.spec({ shutdownMs: Infinity }));
        const root = Supervisor.root({
          id: "root",
          strategy,
          intensity: 1e6,
          children,
          env,
          backoff: { maxMs: 200 },
        });
        void root.start();
        const script = new Script(puppets);
        for (const step of steps) {
          if (step.do === "wait") await clock.advance(step.ms);
          else script.take(step);
        }
        script.heal();
        await clock.advance(5000);
        assert.deepEqual(puppets.map((p) => p.isUp), [true, true, true, true], events.join(", "));
        assert.equal(root.tree().status, "running");
        await root.stop();
        assert.deepEqual(puppets.map((p) => p.isUp), [false, false, false, false]);
        assert.equal(clock.sleeping, 0);
        assertHistory(events, strategy);
      }),
      { numRuns: 300 },
    );
  });
}
