/**
 * The tree is held to the rules of `bench/tidy/rules.ts`. A rule may be lifted for a file by an entry
 * below that says why; an entry that is no longer needed fails too.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as rules from "./tidy/rules.ts";
import type { SourceFile } from "./tidy/rules.ts";

/** Functions over the limit that read better whole: file → why. */
const longFunctions: Readonly<Record<string, string>> = {
  "gateway/gateway.ts": "the table of all routes, each with what it needs",
  "bench/drills/edge/malformed_requests.ts": "the table of all malformed requests",
};

/** Folders over the limit: folder → the files it may have, and why. */
const crowded: Readonly<Record<string, readonly [files: number, why: string]>> = {
  "schema": [20, "everybody imports it: one file for each thing agreed on"],
  "bench/drills": [15, "one file a drill, each in sight of the others"],
  "supervisor/shard": [19, "one file for each step of the one loop"],
};

const root = join(import.meta.dirname!, "..");

/** Folders that are made, not written. */
const notOurs = new Set([".git", "node_modules", "data", ".services"]);

async function* walk(folder: string): AsyncGenerator<SourceFile> {
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      if (!notOurs.has(entry.name)) yield* walk(path);
    } else if (entry.isFile && !entry.name.endsWith(".cpuprofile")) {
      yield { path, text: await Deno.readTextFile(join(root, path)) };
    }
  }
}

const files = await Array.fromAsync(walk(""));
const sources = files.filter(({ path }) => path.endsWith(".ts"));
const syntaxes = sources.map((file) => ({ path: file.path, ...rules.syntaxOf(file) }));

/** Every fault of a rule over many files, a line each. */
function faultsOf<T extends { readonly path: string }>(
  items: readonly T[],
  rule: (item: T) => readonly string[],
): string[] {
  return items.flatMap((item) => rule(item).map((fault) => `${item.path} ${fault}`)).sort();
}

Deno.test("tidy: the walk finds every room's sources", () => {
  for (const room of rules.rooms) {
    assert.ok(sources.some(({ path }) => path.startsWith(`${room}/`)), room);
  }
});

Deno.test("tidy: imports go one way between the rooms, and come from npm only", () => {
  assert.deepEqual(faultsOf(syntaxes, (s) => rules.importFaults(s.path, s.imports)), []);
});

Deno.test(`tidy: a function has at most ${rules.functionLinesMax} lines`, () => {
  const faulty = syntaxes.filter((s) => rules.functionFaults(s.path, s.functions).length > 0);
  const unexcused = faulty.filter(({ path }) => longFunctions[path] === undefined);
  assert.deepEqual(faultsOf(unexcused, (s) => rules.functionFaults(s.path, s.functions)), []);
  const stale = Object.keys(longFunctions).filter((path) => !faulty.some((s) => s.path === path));
  assert.deepEqual(stale, [], "excused without need");
});

Deno.test(`tidy: a file has at most ${rules.fileLinesMax} lines`, () => {
  assert.deepEqual(faultsOf(sources, rules.lengthFaults), []);
});

Deno.test(`tidy: a folder has at most ${rules.folderFilesMax} source files beside its tests`, () => {
  const found = rules.crowdedFolders(sources.map(({ path }) => path));
  const beyond = [...found].filter(([folder, count]) => count > (crowded[folder]?.[0] ?? 0));
  assert.deepEqual(beyond, []);
  const stale = Object.keys(crowded).filter((folder) => !found.has(folder));
  assert.deepEqual(stale, [], "excused without need");
});

Deno.test("tidy: nothing writes to the console but the logger and print()", () => {
  assert.deepEqual(faultsOf(syntaxes, (s) => rules.consoleFaults(s.path, s.console)), []);
});

Deno.test("tidy: names have small letters, digits and underscores", () => {
  assert.deepEqual(faultsOf(files, ({ path }) => rules.nameFaults(path)), []);
});

Deno.test("tidy: work left undone has an owner", async () => {
  const changelog = await Deno.readTextFile(join(root, "CHANGELOG.md")).catch(() => "");
  assert.deepEqual(faultsOf(files, (file) => rules.markFaults(file, changelog)), []);
});

Deno.test("tidy: no file names a path of one machine", () => {
  assert.deepEqual(faultsOf(files, (file) => rules.machinePathFaults(file, root)), []);
});

Deno.test("tidy: nothing stands outside the rooms", () => {
  assert.deepEqual(faultsOf(files, ({ path }) => rules.topLevelFaults(path)), []);
});
