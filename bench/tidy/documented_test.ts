/**
 * What users rely on by name is in the README, and what the documents name is there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readConfig } from "../../schema/config.ts";
import { metricPrefix, metricTable } from "../../supervisor/observability/metric_table.ts";

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
