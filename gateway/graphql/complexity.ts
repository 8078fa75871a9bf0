/**
 * Refuses documents that cost too much before they are validated: validation itself is quadratic
 * in places.
 *
 * @module
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
} from "graphql";
import { limits } from "../../schema/limits.ts";
import { graphqlError } from "./errors.ts";

/** Selections visited, spreads expanded; nested fragments would double them at each level. */
const selectionsMax = 2000;
/** Introspection nests `ofType`; graphql-js bounds its lists by a rule of its own. */
const introspectionDepthMax = 20;

class Visit {
  aliases = 0;
  selections = 0;
  /** Fragments on the way down; a cycle ends here, and validation reports it. */
  readonly open = new Set<string>();

  constructor(readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>) {}

  selectionSet(set: SelectionSetNode, depth: number, depthMax: number): void {
    for (const selection of set.selections) {
      if (++this.selections > selectionsMax) throw tooMuch("selections", selectionsMax);
      switch (selection.kind) {
        case Kind.FIELD: {
          if (selection.alias && ++this.aliases > limits.graphqlAliasesMax) {
            throw tooMuch("aliases", limits.graphqlAliasesMax);
          }
          const isIntrospection = depth === 1 && selection.name.value.startsWith("__");
          const max = isIntrospection ? introspectionDepthMax : depthMax;
          if (depth > max) throw tooMuch("levels", max);
          if (selection.selectionSet) this.selectionSet(selection.selectionSet, depth + 1, max);
          break;
        }
        case Kind.INLINE_FRAGMENT:
          this.selectionSet(selection.selectionSet, depth, depthMax);
          break;
        case Kind.FRAGMENT_SPREAD:
          this.#spread(selection.name.value, depth, depthMax);
      }
    }
  }

  #spread(name: string, depth: number, depthMax: number): void {
    const fragment = this.fragments.get(name);
    if (fragment === undefined || this.open.has(name)) return;
    this.open.add(name);
    this.selectionSet(fragment.selectionSet, depth, depthMax);
    this.open.delete(name);
  }
}

const tooMuch = (what: string, max: number) =>
  graphqlError("TOO_COMPLEX", `A document may have at most ${max} ${what}`);

/**
 * @throws {GraphQLError} `TOO_COMPLEX` when a document has too many levels, aliases or selections
 */
export function assertSimple(document: DocumentNode): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    new Visit(fragments).selectionSet(definition.selectionSet, 1, limits.graphqlDepthMax);
  }
}

/** @throws {GraphQLError} `TOO_COMPLEX` when the text is too long to be parsed */
export function assertShort(query: string): void {
  const max = limits.graphqlQueryCharsMax;
  if (query.length > max) throw tooMuch("characters", max);
}
