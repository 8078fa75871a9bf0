/**
 * The one door that an operation comes through, by whatever transport: what is not let in here is
 * never executed, and nothing was asked for it.
 *
 * @module
 */
import {
  type DocumentNode,
  getOperationAST,
  type GraphQLError,
  type GraphQLSchema,
  OperationTypeNode,
} from "graphql";
import type { Principal } from "../../auth.ts";
import { mayIntrospect } from "../../rights/rights.ts";
import { graphqlError, refusal, rewritten } from "../errors.ts";
import { DocumentRefused, Documents } from "./documents.ts";
import { operationCost } from "./operation_cost.ts";
import { assertSmall, operationParams } from "./operation_params.ts";
import { operationText, type PersistedOperations } from "./persisted_operations.ts";

/** An operation that may be executed. */
export interface Admitted {
  readonly text: string;
  readonly document: DocumentNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | undefined;
  readonly isSubscription: boolean;
  readonly cost: number;
}

/** The error without names of the schema that the client has not named itself. */
export function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ Did you mean .*$/s, "");
  return message === error.message ? error : rewritten(error, { message });
}

export class Admission {
  readonly documents: Documents;

  /** @param isBounded `false`: nothing is held to limits, for drills alone */
  constructor(
    readonly schema: GraphQLSchema,
    readonly persisted?: PersistedOperations,
    readonly isBounded: boolean = true,
  ) {
    this.documents = new Documents(schema, { isBounded });
  }

  /**
   * Lets an operation in.
   *
   * @param params as the client sent them
   * @throws {GraphQLError | DocumentRefused} everything that is wrong with it
   */
  admit(params: unknown, principal: Principal): Admitted {
    const checked = operationParams(params);
    if (this.isBounded) assertSmall(checked.variables);
    const { variables, operationName } = checked;
    const text = operationText(checked, this.persisted);
    const { document, introspects } = this.#document(text, principal);
    if (introspects && !mayIntrospect(principal)) {
      throw graphqlError("FORBIDDEN", `The role ${principal.role} may not read the schema`);
    }
    const operation = getOperationAST(document, operationName);
    if (!operation) {
      const message = "operationName must name one of the document's operations";
      throw refusal("OPERATION_RESOLUTION_FAILURE", message);
    }
    if (!this.schema.getRootType(operation.operation)) {
      throw refusal("GRAPHQL_VALIDATION_FAILED", `There is no ${operation.operation} here`);
    }
    const cost = this.isBounded ? operationCost(this.schema, document, operation, variables) : 0;
    const isSubscription = operation.operation === OperationTypeNode.SUBSCRIPTION;
    return { text, document, variables, operationName, isSubscription, cost };
  }

  #document(text: string, principal: Principal) {
    try {
      return this.documents.get(text);
    } catch (error) {
      if (!(error instanceof DocumentRefused) || mayIntrospect(principal)) throw error;
      throw new DocumentRefused(error.errors.map(withoutSuggestion));
    }
  }
}
