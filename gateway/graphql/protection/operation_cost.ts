/**
 * What an operation costs with its variables: about one for each value that its answer may hold, and
 * more for what asks an actor or the store. `@skip` and `@include` are not looked at: it is a bound.
 *
 * @module
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  getNullableType,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "graphql";
import { DAY_MS, limits } from "../../../schema/limits.ts";
import { tooComplex } from "../errors.ts";
import { fragmentsOf } from "./document_limits.ts";

export type Variables = Readonly<Record<string, unknown>>;

/** How many values the whole schema has, about. */
const introspectionCost = 5000;
/** Of lists that no argument bounds: types of events, mostly few. */
const itemsAssumed = 20;

/** Costs beyond one, by type and field. */
const weights: Readonly<Record<string, number>> = {
  "Query.player": 10,
  "Query.game": 10,
  "Query.leaderboard": 10,
  "Query.events": limits.graphqlPageCost,
  "Game.days": 10,
  /** May be long. */
  "Event.properties": 5,
  "Event.context": 5,
};
/** Beside: the state of then is made from the journal. */
const pastWeight = 1000;

class Cost {
  total = 0;

  constructor(
    readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    readonly schema: GraphQLSchema,
    readonly argument: (node: FieldNode, name: string) => unknown,
  ) {}

  /**
   * @param times how often it is answered
   * @param page how many items the lists below have, when an argument above says so
   */
  selectionSet(
    set: SelectionSetNode,
    type: GraphQLNamedType | undefined,
    times: number,
    page: number | undefined,
  ): void {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) this.#field(selection, type, times, page);
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        this.selectionSet(selection.selectionSet, type, times, page);
      } else {
        const fragment = this.fragments.get(selection.name.value);
        if (fragment !== undefined) this.selectionSet(fragment.selectionSet, type, times, page);
      }
      if (this.total > limits.graphqlCostMax) {
        const max = limits.graphqlCostMax;
        const message = `An operation may cost ${max}, about one for each value of its answer`;
        throw tooComplex("cost", max, `${message}: ask for smaller pages or fewer of them`);
      }
    }
  }

  #field(
    node: FieldNode,
    type: GraphQLNamedType | undefined,
    times: number,
    page: number | undefined,
  ): void {
    const name = node.name.value;
    if (name === "__schema" || name === "__type") {
      this.total += introspectionCost;
      return;
    }
    const field = isObjectType(type) ? type.getFields()[name] : undefined;
    const isGiven = (argument: string) => (this.argument(node, argument) ?? null) !== null;
    const past = name === "player" && isGiven("asOf") ? pastWeight : 0;
    // The first page; those after it are charged as they are read.
    const resumed = name === "eventStream" && isGiven("since") ? limits.graphqlPageCost : 0;
    this.total += times * ((weights[`${type?.name}.${name}`] ?? 1) + past + resumed);
    if (field === undefined || node.selectionSet === undefined) return;
    const items = this.#itemsOf(node, field) ?? page;
    const isList = isListType(getNullableType(field.type));
    this.selectionSet(
      node.selectionSet,
      getNamedType(field.type),
      isList ? times * (items ?? itemsAssumed) : times,
      isList ? undefined : items,
    );
  }

  /** As its arguments say. */
  #itemsOf(node: FieldNode, field: GraphQLField<unknown, unknown>): number | undefined {
    if (field.name === "days") return this.#days(node);
    const first = field.args.find(({ name }) => name === "first");
    if (first === undefined) return undefined;
    const asked = this.argument(node, "first") ?? first.defaultValue;
    // What is no number is refused when it is coerced.
    return typeof asked === "number" ? Math.max(0, Math.min(asked, limits.pageSizeMax)) : 0;
  }

  #days(node: FieldNode): number {
    const [from, to] = ["from", "to"].map((name) => Date.parse(String(this.argument(node, name))));
    const days = (to! - from!) / DAY_MS + 1;
    return Math.max(1, Math.min(Number.isNaN(days) ? 1 : days, limits.gameDaysMax));
  }
}

/** Reads arguments of fields; variables by their value or default. */
function argumentReader({ variableDefinitions = [] }: OperationDefinitionNode, values: Variables) {
  return (node: FieldNode, name: string): unknown => {
    const value = node.arguments?.find((argument) => argument.name.value === name)?.value;
    if (value?.kind !== Kind.VARIABLE) return literal(value);
    const given = Object.hasOwn(values, value.name.value) ? values[value.name.value] : undefined;
    if (given !== undefined) return given;
    const definition = variableDefinitions.find(({ variable }) =>
      variable.name.value === value.name.value
    );
    return literal(definition?.defaultValue);
  };
}

/** A number or a text as such, nothing for `null`, else the node: something is there. */
function literal(node: ValueNode | undefined): unknown {
  if (node === undefined || node.kind === Kind.NULL) return undefined;
  if (node.kind === Kind.INT) return Number(node.value);
  return node.kind === Kind.STRING ? node.value : node;
}

/**
 * The cost of an operation of a valid document.
 *
 * @throws {GraphQLError} `TOO_COMPLEX` when it is beyond `limits.graphqlCostMax`
 */
export function operationCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): number {
  const read = argumentReader(operation, variables);
  const cost = new Cost(fragmentsOf(document), schema, read);
  const root = schema.getRootType(operation.operation) ?? undefined;
  cost.selectionSet(operation.selectionSet, root, 1, undefined);
  return cost.total;
}
