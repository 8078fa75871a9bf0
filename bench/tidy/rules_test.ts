import assert from "node:assert/strict";
import * as rules from "./rules.ts";

Deno.test("syntaxOf() finds imports of every form, functions and console", () => {
  const text = [
    `import a from "./a.ts";`,
    `import type { B } from "../b.ts";`,
    `export * from "./c.ts";`,
    `export { d } from "./d.ts";`,
    `const e = await import("./e.ts");`,
    `const x = 'import "./not.ts"'; // console.log`,
    `class F {`,
    `  m() {`,
    `    console.log(1);`,
    `  }`,
    `}`,
    `const f = () => 1;`,
  ].join("\n");
  const syntax = rules.syntaxOf({ path: "schema/x.ts", text });
  assert.deepEqual(syntax.imports.toSorted(), [
    "../b.ts",
    "./a.ts",
    "./c.ts",
    "./d.ts",
    "./e.ts",
  ]);
  assert.deepEqual(syntax.console, [9]);
  assert.deepEqual(syntax.functions.map(({ line, lines }) => [line, lines]), [[8, 3], [12, 1]]);
});

Deno.test("importFaults() keeps the directions between the rooms", () => {
  const right: [string, string][] = [
    ["schema/a.ts", "./errors.ts"],
    ["schema/a.ts", "zod"],
    ["actors/player/a.ts", "../../schema/event.ts"],
    ["actors/player/a.ts", "../kernel/b.ts"],
    ["supervisor/shard/a.ts", "../../actors/kernel/b.ts"],
    ["gateway/a.ts", "../supervisor/platform.ts"],
    ["gateway/graphql/a.ts", "../../supervisor/platform.ts"],
    ["supervisor/main.ts", "../gateway/gateway.ts"],
    ["bench/sim/a.ts", "../../gateway/gateway.ts"],
    ["bench/sim/a.ts", "node:path"],
  ];
  for (const [path, target] of right) {
    assert.deepEqual(rules.importFaults(path, [target]), [], `${path} imports ${target}`);
  }
  const wrong: [string, string][] = [
    ["schema/a.ts", "../actors/b.ts"],
    ["schema/a.ts", "../supervisor/platform.ts"],
    ["actors/a.ts", "../supervisor/log/log.ts"],
    ["supervisor/a.ts", "../gateway/gateway.ts"],
    ["supervisor/node/main.ts", "../../gateway/gateway.ts"],
    ["supervisor/a.ts", "../bench/sim/virtual_clock.ts"],
    ["gateway/a.ts", "../supervisor/log/log.ts"],
    ["gateway/a.ts", "../actors/player/player.ts"],
    ["bench/a.ts", "./b_test.ts"],
    ["bench/a.ts", "jsr:@std/async"],
    ["bench/a.ts", "npm:zod"],
    ["bench/a.ts", "../../elsewhere.ts"],
  ];
  for (const [path, target] of wrong) {
    assert.equal(rules.importFaults(path, [target]).length, 1, `${path} imports ${target}`);
  }
});

Deno.test("functionFaults() takes 70 lines and refuses 71, but for tests", () => {
  const at = (lines: number) => [{ line: 1, lines }];
  assert.deepEqual(rules.functionFaults("schema/a.ts", at(70)), []);
  assert.equal(rules.functionFaults("schema/a.ts", at(71)).length, 1);
  assert.deepEqual(rules.functionFaults("schema/a_test.ts", at(71)), []);
});

Deno.test("lengthFaults() takes 400 lines and refuses 401", () => {
  const of = (lines: number) => rules.lengthFaults({ path: "a.ts", text: "x\n".repeat(lines) });
  assert.deepEqual(of(400), []);
  assert.equal(of(401).length, 1);
});

Deno.test("consoleFaults() spares the logger and print only", () => {
  assert.deepEqual(rules.consoleFaults("bench/cli/print.ts", [1]), []);
  assert.equal(rules.consoleFaults("bench/cli/progress.ts", [1, 2]).length, 2);
});

Deno.test("nameFaults() wants small letters, digits and underscores", () => {
  for (const path of ["schema/a_1.ts", "README.md", ".github/workflows/ci.yml", ".ci/run.ts"]) {
    assert.deepEqual(rules.nameFaults(path), [], path);
  }
  for (const path of ["schema/aB.ts", "schema/a-b.ts", "schema/index.ts", "schema/A/b.ts"]) {
    assert.equal(rules.nameFaults(path).length, 1, path);
  }
});

Deno.test("markFaults() wants an owner whom the changelog knows", () => {
  const mark = "TO" + "DO";
  const of = (text: string) => rules.markFaults({ path: "a.ts", text }, "## Owners\nada");
  assert.deepEqual(of(`// ${mark}(ada): later`), []);
  assert.deepEqual(of(`// ${mark}s and ${mark.toLowerCase()} are words`), []);
  assert.equal(of(`// ${mark}: later`).length, 1);
  assert.equal(of(`x\n// ${mark}(bob): later, ${mark}`).length, 2);
});

Deno.test("machinePathFaults() finds homes and the repo's own place", () => {
  const of = (text: string, root = "/srv/code/repo") =>
    rules.machinePathFaults({ path: "a.ts", text }, root);
  const [home, user] = ["/ho" + "me/ada/x", "/Us" + "ers/ada"];
  for (const text of [`see ${home}`, `"${user}"`, "cd /srv/code/repo/schema"]) {
    assert.equal(of(text).length, 1, text);
  }
  for (const text of ["/homeless", "../home/x", "https://h.example/home/x", "/srv/code"]) {
    assert.deepEqual(of(text), [], text);
  }
  assert.deepEqual(of("COPY . /app", "/app"), []);
});

Deno.test("topLevelFaults() knows the rooms, the files beside them and dot-files", () => {
  for (const path of ["schema/a.ts", "deno.json", ".ci/run", ".gitignore", "LICENSE"]) {
    assert.deepEqual(rules.topLevelFaults(path), [], path);
  }
  for (const path of ["src/a.ts", "main.ts", "docs/x.md", "schema"]) {
    assert.equal(rules.topLevelFaults(path).length, 1, path);
  }
});

Deno.test("crowdedFolders() counts sources, not tests, of each folder by itself", () => {
  const paths = Array.from({ length: 13 }, (_, i) => `schema/a${i}.ts`);
  const tests = paths.map((path) => path.replace(".ts", "_test.ts"));
  assert.deepEqual([...rules.crowdedFolders([...paths, ...tests])], [["schema", 13]]);
  const deeper = paths.map((path, i) => i === 0 ? "schema/deep/a.ts" : path);
  assert.deepEqual([...rules.crowdedFolders([...deeper, ...tests])], []);
});
