/**
 * What keeps the house tidy, as pure functions of a file's path and text. `bench/tidy_test.ts` holds
 * the tree to them.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";

/** A file of the repo; `path` is relative to its root, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What is wrong, fit to be read after `path: `. */
export type Fault = string;

export const fileLinesMax = 400;
export const functionLinesMax = 70;
export const folderFilesMax = 12;

/** The rooms, and from where each may import. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  schema: ["schema/"],
  actors: ["actors/", "schema/"],
  supervisor: ["supervisor/", "actors/", "schema/"],
  gateway: ["gateway/", "schema/", "supervisor/platform.ts"],
  // The store knows how PostgreSQL is run by root, and how it is reached over TLS.
  deploy: ["deploy/", "schema/", "supervisor/store/", "supervisor/testing/"],
  bench: ["bench/", "deploy/", "gateway/", "supervisor/", "actors/", "schema/"],
};

/** The composition root, which alone may import both sides. */
const compositionRoot = "supervisor/main.ts";

export const rooms: readonly string[] = Object.keys(mayImport);

const topLevelFiles = ["deno.json", "deno.lock", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
  .concat("LICENSE");

/** Files that may write to the console's streams by `console`. */
const mayUseConsole = ["supervisor/observability/logger.ts", "bench/cli/print.ts"];

/** What the syntax tree of a file tells. Lines count from 1. */
export interface Syntax {
  readonly imports: readonly string[];
  readonly functions: readonly { readonly line: number; readonly lines: number }[];
  /** Lines that use `console`. */
  readonly console: readonly number[];
}

/** Reads a file's syntax; only within `deno test`, which alone has the parser. */
export function syntaxOf({ path, text }: SourceFile): Syntax {
  const imports: string[] = [];
  const functions: { line: number; lines: number }[] = [];
  const consoleLines: number[] = [];
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const noteImport = ({ source }: { source?: { value?: unknown } | null }) => {
    if (typeof source?.value === "string") imports.push(source.value);
  };
  const noteFunction = ({ range: [start, end] }: { range: [number, number] }) => {
    functions.push({ line: lineAt(start), lines: text.slice(start, end).split("\n").length });
  };
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration: noteImport,
    ExportNamedDeclaration: noteImport,
    ExportAllDeclaration: noteImport,
    ImportExpression: noteImport as never,
    FunctionDeclaration: noteFunction,
    FunctionExpression: noteFunction,
    ArrowFunctionExpression: noteFunction,
    MemberExpression({ object, range }) {
      if (object.type === "Identifier" && object.name === "console") {
        consoleLines.push(lineAt(range[0]));
      }
    },
  };
  const plugin: Deno.lint.Plugin = {
    name: "tidy",
    rules: { read: { create: () => visitor } },
  };
  Deno.lint.runPlugin(plugin, path, text);
  return { imports, functions, console: consoleLines };
}

/** Imports against the direction of the rooms, of other registries, and of tests. */
export function importFaults(path: string, imports: readonly string[]): Fault[] {
  const room = path.split("/")[0]!;
  const allowed = path === compositionRoot
    ? [...mayImport.supervisor!, "gateway/"]
    : mayImport[room] ?? [];
  return imports.flatMap((specifier) => {
    if (/^(https?|jsr|npm|file|data):/.test(specifier)) {
      return [`imports ${specifier}: name dependencies in deno.json, from npm only`];
    }
    if (!specifier.startsWith(".")) return [];
    const target = join(dirname(path), specifier);
    if (/_(test|bench)\.ts$/.test(target)) return [`imports ${target}, which is a test`];
    return allowed.some((prefix) => target.startsWith(prefix))
      ? []
      : [`imports ${target}: ${room} may import ${allowed.join(", ") || "nothing"}`];
  });
}

/** Functions that one cannot see across; in tests only the file's length counts. */
export function functionFaults(
  path: string,
  functions: Syntax["functions"],
): Fault[] {
  if (path.endsWith("_test.ts")) return [];
  return functions.filter(({ lines }) => lines > functionLinesMax)
    .map(({ line, lines }) =>
      `has a function of ${lines} lines at line ${line}: the most is ${functionLinesMax}`
    );
}

export function consoleFaults(path: string, lines: readonly number[]): Fault[] {
  if (mayUseConsole.includes(path)) return [];
  return lines.map((line) => `uses console at line ${line}: use the logger, or print() in bench`);
}

export function lengthFaults({ text }: SourceFile): Fault[] {
  const lines = text.split("\n").length - 1;
  return lines > fileLinesMax ? [`has ${lines} lines: the most is ${fileLinesMax}`] : [];
}

/** Names: small letters, digits, underscores; no `index.ts`. */
export function nameFaults(path: string): Fault[] {
  const parts = path.split("/");
  const name = parts.pop()!;
  if (!path.endsWith(".ts")) return [];
  const faults = /^[a-z0-9_]+\.ts$/.test(name)
    ? []
    : [`is not named in small letters, digits and underscores`];
  if (name === "index.ts") faults.push("is an index.ts: import the file that has it");
  if (parts.some((part) => !/^[a-z0-9_.]+$/.test(part))) {
    faults.push("lies in a folder not named in small letters, digits and underscores");
  }
  return faults;
}

/** The words that mark work left undone. Spelt so that this file holds none. */
const marks = ["TO" + "DO", "FIX" + "ME"].join("|");

/** Marks of work left undone need an owner in brackets, whom the changelog knows. */
export function markFaults({ text }: SourceFile, changelog: string): Fault[] {
  const faults: Fault[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    for (
      const [mark, owner] of line.matchAll(new RegExp(`\\b(?:${marks})\\b(?:\\(([^)]*)\\))?`, "g"))
    ) {
      if (owner === undefined) faults.push(`has a ${mark} without an owner at line ${i + 1}`);
      else if (!changelog.includes(owner)) {
        faults.push(`has a ${mark} at line ${i + 1} whose owner the changelog does not know`);
      }
    }
  }
  return faults;
}

/** Paths that exist on one machine only. @param root where the repo lies on this one */
export function machinePathFaults({ text }: SourceFile, root: string): Fault[] {
  const homes = /(?<![\w.])\/(?:home|Users|root)\/\w+/;
  // A short root such as `/app` may be a path that a container promises.
  const isTelling = root.split("/").length > 2;
  return text.split("\n").flatMap((line, i) =>
    (isTelling && line.includes(root)) || homes.test(line)
      ? [`names a path of one machine at line ${i + 1}`]
      : []
  );
}

/** What may stand at the top: the rooms, the known files, and dot-files. */
export function topLevelFaults(path: string): Fault[] {
  const [top, ...rest] = path.split("/");
  if (top!.startsWith(".")) return [];
  const isKnown = rest.length > 0 ? rooms.includes(top!) : topLevelFiles.includes(top!);
  return isKnown ? [] : [`stands outside the rooms ${rooms.join(", ")}`];
}

/** Folders with more source files, tests not counted, than one takes in; by folder. */
export function crowdedFolders(paths: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of paths) {
    if (!path.endsWith(".ts") || path.endsWith("_test.ts")) continue;
    const folder = dirname(path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return new Map([...counts].filter(([, count]) => count > folderFilesMax));
}
