/**
 * Refuses documents that cost too much before they are validated: validation itself is quadratic in
 * places. One walk that expands fragments as execution would.
 *
 * @module
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
} from "graphql";
import { limits } from "../../../schema/limits.ts";
import { tooComplex } from "../errors.ts";

/** What the walk has found out beside the limits. */
export interface DocumentFacts {
  /** It reads `__schema` or `__type`; `__typename` is no secret. */
  readonly introspects: boolean;
}

/** All fields of one response path, which validation compares with each other. */
interface Place {
  fields: number;
  readonly below: Map<string, Place>;
}

const place = (): Place => ({ fields: 0, below: new Map() });

function over(limit: string, max: number, what: string): never {
  throw tooComplex(limit, max, `A document may have ${max} ${what}`);
}

class Walk {
  introspects = false;
  readonly reached = new Set<string>();
  #aliases = 0;
  #selections = 0;
  #overlaps = 0;
  /** Fragments on the way down; a cycle ends here, and validation reports it. */
  readonly #open = new Set<string>();

  constructor(readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>) {}

  /** @param at where its fields are in the response; `depth` of those at the top is 1 */
  selectionSet(set: SelectionSetNode, at: Place, depth: number, depthMax: number): void {
    for (const selection of set.selections) {
      if (++this.#selections > limits.graphqlSelectionsMax) {
        over("selections", limits.graphqlSelectionsMax, "selections, fragments expanded");
      }
      switch (selection.kind) {
        case Kind.FIELD:
          this.#field(selection, at, depth, depthMax);
          break;
        case Kind.INLINE_FRAGMENT:
          this.selectionSet(selection.selectionSet, at, depth, depthMax);
          break;
        case Kind.FRAGMENT_SPREAD:
          this.#spread(selection.name.value, at, depth, depthMax);
      }
    }
  }

  #field({ name, alias, selectionSet }: FieldNode, at: Place, depth: number, depthMax: number) {
    if (alias && ++this.#aliases > limits.graphqlAliasesMax) {
      over("aliases", limits.graphqlAliasesMax, "aliases");
    }
    const introspects = depth === 1 && (name.value === "__schema" || name.value === "__type");
    if (introspects) this.introspects = true;
    const max = introspects ? limits.graphqlIntrospectionDepthMax : depthMax;
    if (depth > max) over("depth", max, "levels");
    const key = (alias ?? name).value;
    let own = at.below.get(key);
    if (own === undefined) at.below.set(key, own = place());
    this.#overlaps += own.fields++;
    if (this.#overlaps > limits.graphqlOverlapsMax) {
      over("overlaps", limits.graphqlOverlapsMax, "pairs of fields with one place in the answer");
    }
    if (depth === 1 && at.below.size > limits.graphqlRootFieldsMax) {
      over("root_fields", limits.graphqlRootFieldsMax, "fields at the top");
    }
    if (selectionSet) this.selectionSet(selectionSet, own, depth + 1, max);
  }

  #spread(name: string, at: Place, depth: number, depthMax: number): void {
    const fragment = this.fragments.get(name);
    if (fragment === undefined || this.#open.has(name)) return;
    this.reached.add(name);
    this.#open.add(name);
    this.selectionSet(fragment.selectionSet, at, depth, depthMax);
    this.#open.delete(name);
  }
}

/** The fragments of a document by name; of two with one name validation complains. */
export function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  return fragments;
}

/**
 * Holds a document to the limits that can be seen without its variables.
 *
 * @throws {GraphQLError} `TOO_COMPLEX`
 */
export function assertSimple(document: DocumentNode): DocumentFacts {
  const { graphqlOperationsMax, graphqlFragmentsMax, graphqlDepthMax } = limits;
  const fragments = fragmentsOf(document);
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (operations.length > graphqlOperationsMax) {
    over("operations", graphqlOperationsMax, "operations");
  }
  if (document.definitions.length - operations.length > graphqlFragmentsMax) {
    over("fragments", graphqlFragmentsMax, "fragments");
  }
  const walk = new Walk(fragments);
  for (const operation of operations) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
    walk.selectionSet(operation.selectionSet, place(), 1, graphqlDepthMax);
  }
  // Validation looks at those, too, that nothing spreads.
  for (const [name, fragment] of fragments) {
    if (!walk.reached.has(name)) {
      walk.selectionSet(fragment.selectionSet, place(), 1, graphqlDepthMax);
    }
  }
  return { introspects: walk.introspects };
}
