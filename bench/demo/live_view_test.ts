import assert from "node:assert/strict";
import { type GameRow, LiveView, type Moment, sparkline, summary } from "./live_view.ts";

const game = (id: string, eventsTotal: number, more: Partial<GameRow> = {}): GameRow => ({
  id,
  ccu: 10,
  dau: 20,
  eventsTotal,
  eventsPerSecond: 5,
  revenueMinor: 123_456,
  ...more,
});

const moment = (seconds: number, games: GameRow[]): Moment => ({
  seconds,
  secondsPlanned: 60,
  accepted: 4321,
  rejected: 7,
  duplicates: 3,
  p99Ms: 12.34,
  games,
});

Deno.test("sparkline() draws the highest value at full height and nothing as a flat line", () => {
  assert.equal(sparkline([0, 5, 10]), "▁▅█");
  assert.equal(sparkline([0, 0]), "▁▁");
  assert.equal(sparkline([]), "");
});

Deno.test("LiveView shows the games by size, their sum and how they go", () => {
  const view = new LiveView();
  for (const [seconds, a, b] of [[0, 0, 0], [1, 100, 10], [2, 300, 10], [3, 700, 10]] as const) {
    view.observe(moment(seconds, [game("small", b), game("large", a)]));
  }
  const lines = view.lines(moment(3, [game("small", 10), game("large", 700)]));
  assert.match(lines[1]!, /^large +10 +20 +5 +700 +\$1,235 {2}▃▅█$/);
  assert.match(lines[2]!, /^small +10 +20 +5 +10 +\$1,235 {2}█▁▁$/);
  assert.match(lines[3]!, /^all games +20 +10 +710 +\$2,469$/);
  assert.equal(lines.at(-1), summary(moment(3, [game("small", 10), game("large", 700)])));
});

Deno.test("LiveView keeps a bounded history", () => {
  const view = new LiveView();
  for (let i = 0; i < 100; i++) view.observe(moment(i, [game("g", i)]));
  const spark = view.lines(moment(100, [game("g", 100)]))[1]!.split("  ").at(-1)!;
  assert.equal(spark.length, 24);
});

Deno.test("summary() says the moment in one line", () => {
  assert.equal(
    summary(moment(9.6, [game("g", 4000)])),
    " 10 of 60 s   accepted 4,321 (3 sent twice)   counted live 4,000   ccu 10   refused 7   " +
      "p99 12.3 ms",
  );
});
