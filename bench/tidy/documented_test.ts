/**
 * What users rely on by name is in the README, and what the documents name is there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readConfig } from "../../schema/config.ts";
import { metricPrefix, metricTable } from "../../supervisor/observability/metric_table.ts";
import { drills } from "../drills/drills.ts";

const read = (name: string) => Deno.readTextFile(join(import.meta.dirname!, "../..", name));

Deno.test("README tells of every variable that the configuration reads", async () => {
  const asked = new Set<string>();
  const env = new Proxy<Record<string, string | undefined>>({}, {
    get: (_, name) => void asked.add(String(name)),
  });
  readConfig(env, 4);
  assert.ok(asked.has("PORT") && asked.size > 40, `${asked.size} variables`);
  const readme = await read("README.md");
  const untold = [...asked].filter((name) => !new RegExp(`\\b${name}\\b`).test(readme));
  assert.deepEqual(untold, []);
});

Deno.test("The documents name no metric that there is not", async () => {
  const known = new Set(Object.keys(metricTable).map((name) => metricPrefix + name));
  for (const document of ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]) {
    const named = (await read(document)).match(/\bgamemetrics_[a-z_]*[a-z]/g) ?? [];
    assert.deepEqual(named.filter((name) => !known.has(name)), [], document);
  }
});

Deno.test("README tells of every task", async () => {
  const { tasks } = JSON.parse(await read("deno.json")) as { tasks: Record<string, string> };
  const readme = await read("README.md");
  assert.ok(Object.keys(tasks).length > 10);
  assert.deepEqual(Object.keys(tasks).filter((task) => !readme.includes(`\`${task}\``)), []);
});

/** `2–4` and `7` in text of the form "drills 2–4, 7" → 2, 3, 4, 7. */
function numbersOf(text: string): Set<number> {
  const numbers = new Set<number>();
  for (const [, first, last] of text.matchAll(/\b(\d+)(?:–(\d+))?/g)) {
    for (let n = Number(first); n <= Number(last ?? first); n++) numbers.add(n);
  }
  return numbers;
}

Deno.test("README's promises and the CHANGELOG name every drill, and none that there is not", async () => {
  const ids = new Set(drills.map(({ id }) => Number.parseInt(id)).filter(Number.isInteger));
  const promises = /## What we promise[^]*?\n## /.exec(await read("README.md"))![0];
  const cells = [...promises.matchAll(/\| drills? ([^|]*)/g)].map(([, cell]) => cell!);
  assert.deepEqual(ids.difference(numbersOf(cells.join())), new Set());
  assert.deepEqual(numbersOf(cells.join()).difference(ids), new Set());
  const [, told] = /fault drills ([^;(]*)/.exec(await read("CHANGELOG.md"))!;
  assert.deepEqual(numbersOf(told!), ids);
});
