/**
 * What differs between two states, as JSON pointers (RFC 6901).
 *
 * @module
 */
import type { Json } from "../../schema/event.ts";

/** A value that differs; what is left out is not there on that side. */
export interface Change {
  /** JSON pointer; `""` is the whole. */
  readonly path: string;
  readonly before?: Json;
  readonly after?: Json;
}

const escape = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");

const isNode = (value: Json | undefined): value is Json[] | { [key: string]: Json } =>
  typeof value === "object" && value !== null;

function childOf(value: Json | undefined, name: string): Json | undefined {
  if (!isNode(value) || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, Json>)[name];
}

/** The differing leaves, in the order of `before`, then what only `after` has; at most `most`. */
export function diffState(
  before: Json | undefined,
  after: Json | undefined,
  most = 1000,
): Change[] {
  const changes: Change[] = [];
  const walk = (a: Json | undefined, b: Json | undefined, path: string) => {
    if (changes.length >= most || a === b) return;
    if (isNode(a) && isNode(b) && Array.isArray(a) === Array.isArray(b)) {
      for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
        walk(childOf(a, name), childOf(b, name), `${path}/${escape(name)}`);
      }
    } else {
      changes.push({
        path,
        ...(a === undefined ? {} : { before: a }),
        ...(b === undefined ? {} : { after: b }),
      });
    }
  };
  walk(before, after, "");
  return changes;
}

/** The value at a JSON pointer; `undefined` when there is none. */
export function valueAt(value: Json | undefined, path: string): Json | undefined {
  if (path === "") return value;
  return path.slice(1).split("/").reduce<Json | undefined>(
    (node, name) => childOf(node, name.replaceAll("~1", "/").replaceAll("~0", "~")),
    value,
  );
}
