import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { noMetrics } from "../deps.ts";
import { event, testGateway } from "../testing/test_gateway.ts";
import {
  admittedByLag,
  admittedBySize,
  declaredBytes,
  type LagReading,
  Shedder,
} from "./shedder.ts";

const calm: LagReading = {
  id: 1,
  lagEvents: 0,
  committedPerSecond: 1000,
  appendedPerSecond: 1000,
  logShare: 0,
};

/** A shedder over readings that a test sets, and a clock that it moves. */
function open() {
  const at = { ms: 0, reading: calm };
  const shedder = new Shedder({ lag: () => at.reading, now: () => at.ms });
  const measured = (over: Partial<LagReading>, times = 1) => {
    for (let i = 0; i < times; i++) {
      at.reading = { ...at.reading, ...over, id: at.reading.id + 1 };
      shedder.admits();
    }
  };
  const admitted = (of = 1000) => Array.from({ length: of }, () => shedder.admits());
  return { shedder, at, measured, admitted };
}

Deno.test("admittedByLag() lets in what is committed, less the further commits are behind", () => {
  const behind = { ...calm, committedPerSecond: 1000, appendedPerSecond: 4000 };
  const at = (seconds: number) => admittedByLag({ ...behind, lagEvents: seconds * 1000 }, 1, 1);
  assert.equal(at(limits.shedLagSecondsFrom - 1), 1);
  assert.equal(at(limits.shedLagSecondsFrom), 0.25);
  assert.equal(at(limits.shedLagSecondsFull), 0.125);
  assert.equal(at(1_000_000), 0.125);
  // What was let in while it was measured is what the pace of the log is a result of.
  assert.equal(
    admittedByLag({ ...behind, appendedPerSecond: 1000, lagEvents: 20_000 }, 1, 0.25),
    0.25,
  );
});

Deno.test("admittedByLag() takes shards that commit nothing for an outage", () => {
  assert.equal(admittedByLag({ ...calm, committedPerSecond: 0, lagEvents: 1e9 }, 1, 1), 1);
});

Deno.test("admittedBySize() closes as the log fills up, and never wholly", () => {
  assert.equal(admittedBySize({ ...calm, logShare: 0.8 }), 1);
  assert.ok(Math.abs(admittedBySize({ ...calm, logShare: 0.9 }) - 0.5) < 1e-9);
  assert.equal(admittedBySize({ ...calm, logShare: 2 }), limits.shedAdmittedPercentMin / 100);
});

Deno.test("Shedder waits until commits have been behind for a while, then spreads refusals", () => {
  const { shedder, measured, admitted } = open();
  const behind = { lagEvents: 20_000, committedPerSecond: 1000, appendedPerSecond: 2000 };
  measured(behind, limits.shedLagReadings - 1);
  assert.equal(shedder.admitted, 1);
  measured(behind);
  assert.equal(shedder.admitted, 0.5);
  const let1 = admitted();
  assert.equal(let1.filter(Boolean).length, 500);
  assert.ok(let1.every((is, i) => i === 0 || is !== let1[i - 1]), "every other one");
  measured({ lagEvents: 0 }, 2);
  assert.equal(shedder.admitted, 1);
});

Deno.test("Shedder holds the pace of commits, though it is that of some seconds", () => {
  const { shedder, at } = open();
  const offered = 3000;
  const possible = 1000;
  const readings = limits.lagSpanMs / limits.lagEveryMs;
  const appended: number[] = [];
  const shares: number[] = [];
  let lag = 20_500;
  for (let id = 2; id < 200; id++) {
    const share = shedder.admitted;
    const each = offered * limits.lagEveryMs / 1000;
    let letIn = 0;
    for (let i = 0; i < each; i++) if (shedder.admits()) letIn++;
    lag = Math.max(0, lag + letIn - possible * limits.lagEveryMs / 1000);
    appended.push(letIn);
    const span = appended.slice(-readings);
    const appendedPerSecond = span.reduce((a, b) => a + b) / span.length * 1000 / limits.lagEveryMs;
    at.reading = { ...calm, id, lagEvents: lag, committedPerSecond: possible, appendedPerSecond };
    if (id > 40) shares.push(share);
  }
  const least = shares.reduce((a, b) => Math.min(a, b));
  assert.ok(least > 0.15, `the least share ${least}`);
});

Deno.test("Shedder does not shed what a store that came back has to catch up with", () => {
  const { shedder, measured } = open();
  measured({ lagEvents: 100_000, committedPerSecond: 0 }, 100);
  measured({ committedPerSecond: 100 }, 3);
  measured({ committedPerSecond: 5000, lagEvents: 90_000 }, 20);
  assert.equal(shedder.admitted, 1);
});

Deno.test("Shedder lets in less while accepting is slow, and all again afterwards", () => {
  const { shedder, at } = open();
  const window = (ms: number, requests: number = limits.shedUnderWayMin) => {
    for (let i = 0; i < requests; i++) shedder.accepting();
    for (let i = 0; i < requests; i++) shedder.accepted(ms);
    at.ms += limits.shedWindowMs;
    shedder.admits();
  };
  for (let i = 0; i < 5; i++) window(limits.shedAcceptMs);
  // Few that wait for a slow disk are no overload.
  for (let i = 0; i < 5; i++) window(500, limits.shedUnderWayMin - 1);
  assert.equal(shedder.admitted, 1);
  for (let i = 0; i < 8; i++) window(limits.shedAcceptMs + 1);
  assert.ok(shedder.admitted < 0.4);
  for (let i = 0; i < 100; i++) window(500);
  assert.equal(shedder.admitted, limits.shedAdmittedPercentMin / 100);
  for (let i = 0; i < 200; i++) window(1);
  assert.equal(shedder.admitted, 1);
});

Deno.test("Shedder refuses large requests for the wait of a turn, and small ones for the rest", () => {
  const { shedder, at, measured } = open();
  const small = () => limits.shedSmallBytesMax;
  const turn = (ms = limits.shedWindowMs + 1) => {
    shedder.turns.sent();
    at.ms += ms;
    shedder.turns.answered();
    for (let i = 0; i < limits.shedTurnRequestsMin; i++) shedder.admits(small);
  };
  for (let i = 0; i < limits.shedTurnWarmRequests; i++) shedder.admits(small);
  turn();
  for (let i = 0; i < limits.shedTurnWaits; i++) turn(1);
  for (let i = 0; i < limits.shedTurnWaits + limits.shedTurnWindows; i++) turn();
  const let1 = (bytesOf: () => number) =>
    Array.from({ length: 100 }, () => shedder.admits(bytesOf)).filter(Boolean).length;
  const { large } = shedder.turns.refused;
  assert.ok(large > 0.2, `${large}`);
  assert.equal(let1(small), 100);
  assert.ok(Math.abs(let1(() => limits.shedSmallBytesMax + 1) - 100 * (1 - large)) <= 2);
  // The strictest counts.
  measured({ logShare: 0.98 });
  assert.ok(let1(small) <= 11);
});

Deno.test("declaredBytes() takes at its word only what says how much there is to do", () => {
  const of = (method: string, headers: Record<string, string>) =>
    declaredBytes(new Request("http://a/", { method, headers }));
  assert.equal(of("POST", { "content-length": "321" }), 321);
  assert.equal(of("GET", {}), 0);
  assert.equal(of("POST", {}), Infinity);
  assert.equal(of("POST", { "content-length": "321", "content-encoding": "gzip" }), Infinity);
});

Deno.test("The gateway sheds captures with 503 before it reads them; reads and probes go on", async () => {
  const shedder = new Shedder({ lag: () => ({ ...calm, id: 2, logShare: 1 }) });
  let shed = 0;
  const gateway = testGateway({ shedder, metrics: { ...noMetrics, shed: () => void shed++ } });
  const answer = await gateway.post(event());
  assert.deepEqual([answer.status, (await answer.json()).code], [503, "overloaded"]);
  assert.equal(answer.headers.get("retry-after"), "2");
  assert.equal(shed, 1);
  for (const path of ["/health/live", "/graphql?query={__typename}"]) {
    const headers = { authorization: "Bearer full" };
    const { status, body } = await gateway.app.request(path, { headers });
    await body?.cancel();
    assert.equal(status, 200, path);
  }
});
