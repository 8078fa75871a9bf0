import assert from "node:assert/strict";
import fc from "fast-check";
import { DaySet } from "./day_set.ts";

const setOf = (...days: number[]) => {
  const set = new DaySet();
  for (const day of days) set.add(day);
  return set;
};

/** Days around today, close enough that windows meet. */
const someDay = fc.integer({ min: 20_400, max: 20_480 });
const anyDay = fc.oneof(someDay, fc.integer({ min: 0, max: 60_000 }));

Deno.test("DaySet.days() gives what was added, ascending", () => {
  fc.assert(fc.property(fc.array(anyDay, { maxLength: 20 }), (days) => {
    const set = setOf(...days);
    assert.deepEqual(set.days(), [...new Set(days)].sort((a, b) => a - b));
    assert.deepEqual(DaySet.decode(set.encode()).days(), set.days());
  }));
});

Deno.test("DaySet.add() is true once a day", () => {
  const set = new DaySet();
  assert.equal(set.has(20_000), false);
  assert.equal(set.add(20_000), true);
  assert.equal(set.add(20_000), false);
  assert.deepEqual([19_999, 20_000, 20_001].map((day) => set.has(day)), [false, true, false]);
});

Deno.test("DaySet grows to both sides, over the borders of its words", () => {
  const days = [20_000, 19_999, 19_968, 19_967, 20_031, 20_032, 19_000, 21_000];
  const set = setOf(...days);
  for (let day = 18_900; day < 21_100; day++) assert.equal(set.has(day), days.includes(day));
});

Deno.test("DaySet is the set of the days that were added", () => {
  fc.assert(fc.property(fc.array(anyDay, { maxLength: 80 }), fc.array(anyDay), (days, asked) => {
    const set = new DaySet();
    const naive = new Set<number>();
    for (const day of days) {
      assert.equal(set.add(day), !naive.has(day));
      naive.add(day);
    }
    for (const day of [...days, ...asked]) assert.equal(set.has(day), naive.has(day));
    const [from, to] = [20_410, 20_450];
    const between = [...naive].filter((day) => day >= from && day <= to).length;
    assert.equal(set.countBetween(from, to), between);
  }));
});

Deno.test("DaySet.newlyCovered() gives the window ends that no other day covers", () => {
  const day = 20_440;
  const cases: [number[], number, number, number][] = [
    [[], 7, day, day + 6],
    [[day - 7], 7, day, day + 6],
    [[day - 6], 7, day + 1, day + 6],
    [[day - 1], 7, day + 6, day + 6],
    [[day + 1], 7, day, day],
    [[day + 6], 7, day, day + 5],
    [[day + 7], 7, day, day + 6],
    [[day - 3, day + 2], 30, day + 27, day + 1],
    [[day - 29, day + 29], 30, day + 1, day + 28],
  ];
  for (const [days, length, from, to] of cases) {
    assert.deepEqual(setOf(...days).newlyCovered(day, length), { from, to }, `${days}`);
  }
});

Deno.test("DaySet.newlyCovered() is the difference of the covered sets", () => {
  const covered = (days: Iterable<number>, length: number) => {
    const ends = new Set<number>();
    for (const day of days) for (let e = day; e < day + length; e++) ends.add(e);
    return ends;
  };
  const length = fc.constantFrom(1, 2, 7, 28, 30);
  fc.assert(fc.property(fc.uniqueArray(someDay), someDay, length, (days, day, length) => {
    const set = setOf(...days);
    const before = covered(days, length);
    const expected = [...covered([day], length)].filter((e) => !before.has(e));
    const { from, to } = set.newlyCovered(day, length);
    const range: number[] = [];
    for (let e = from; e <= to; e++) range.push(e);
    assert.deepEqual(range, expected);
  }));
});

Deno.test("DaySet.decode() gives back the same set, which goes on alike", () => {
  fc.assert(fc.property(fc.array(anyDay), fc.array(anyDay), (days, later) => {
    const set = setOf(...days);
    const copy = DaySet.decode(JSON.parse(JSON.stringify(set.encode())));
    for (const day of later) assert.equal(copy.add(day), set.add(day));
    assert.deepEqual(copy.encode(), set.encode());
    assert.equal(copy.bytes, set.bytes);
  }));
});

Deno.test("DaySet takes four bytes of text and some of memory for 32 days, years included", () => {
  const set = new DaySet();
  for (let day = 20_000; day < 20_000 + 3650; day++) set.add(day);
  assert.ok(set.encode().length <= 3650 / 32 + 3);
  assert.ok(set.bytes < 1500);
});
