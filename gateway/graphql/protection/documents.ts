/**
 * Documents, parsed, held to the limits and validated: once, as long as there is room to keep them.
 *
 * @module
 */
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import { limits } from "../../../schema/limits.ts";
import { refusal, rewritten } from "../errors.ts";
import { assertSimple } from "./document_limits.ts";
import { countTokens } from "./token_limits.ts";

export interface CheckedDocument {
  readonly document: DocumentNode;
  /** It reads the schema. */
  readonly introspects: boolean;
  readonly tokens: number;
}

/** Faults of a document, all that were found. graphql-yoga answers with each of `errors`. */
export class DocumentRefused extends Error {
  override readonly name = "DocumentRefused";
  constructor(readonly errors: readonly GraphQLError[]) {
    super(errors.map(({ message }) => message).join("; "));
  }
}

/** The same error with a code and the status of a refusal. */
function coded(error: GraphQLError, code: "GRAPHQL_PARSE_FAILED" | "GRAPHQL_VALIDATION_FAILED") {
  return rewritten(error, {
    extensions: { ...refusal(code, "").extensions, ...error.extensions },
  });
}

/**
 * Parses and checks a document.
 *
 * @param isBounded `false`: for drills alone, to show what the limits are there for
 * @throws {GraphQLError} `TOO_COMPLEX` or `GRAPHQL_PARSE_FAILED`
 * @throws {DocumentRefused} it is not valid: `GRAPHQL_VALIDATION_FAILED`, or a scalar's own code
 */
export function checkDocument(
  schema: GraphQLSchema,
  text: string,
  isBounded = true,
): CheckedDocument {
  let document: DocumentNode;
  let tokens = 0;
  try {
    if (isBounded) tokens = countTokens(text);
    document = parse(text, isBounded ? { maxTokens: limits.graphqlTokensMax } : {});
  } catch (error) {
    if (error instanceof GraphQLError) throw coded(error, "GRAPHQL_PARSE_FAILED");
    throw error;
  }
  const introspects = isBounded && assertSimple(document).introspects;
  const maxErrors = limits.graphqlErrorsMax;
  const errors = validate(schema, document, specifiedRules, { maxErrors });
  if (errors.length === 0) return { document, introspects, tokens };
  throw new DocumentRefused(errors.map((error) => coded(error, "GRAPHQL_VALIDATION_FAILED")));
}

export interface DocumentsOptions {
  /** @default limits.graphqlCachedDocumentsMax */
  readonly documentsMax?: number;
  /** @default limits.graphqlCachedTokensMax */
  readonly tokensMax?: number;
  /** Whether documents are held to limits. @default true */
  readonly isBounded?: boolean;
}

/**
 * Keeps the documents that were used last. What is refused is not kept, and what is kept is bounded
 * by its tokens, so that documents that are all different fill no memory.
 */
export class Documents {
  readonly #kept = new Map<string, CheckedDocument>();
  #tokens = 0;

  constructor(readonly schema: GraphQLSchema, readonly options: DocumentsOptions = {}) {}

  get size(): number {
    return this.#kept.size;
  }

  /** Of all kept documents. */
  get tokens(): number {
    return this.#tokens;
  }

  /** @throws as {@link checkDocument} */
  get(text: string): CheckedDocument {
    const kept = this.#kept.get(text);
    if (kept !== undefined) {
      this.#kept.delete(text);
      this.#kept.set(text, kept);
      return kept;
    }
    const checked = checkDocument(this.schema, text, this.options.isBounded);
    this.#kept.set(text, checked);
    this.#tokens += checked.tokens;
    this.#shrink();
    return checked;
  }

  #shrink(): void {
    const { documentsMax = limits.graphqlCachedDocumentsMax } = this.options;
    const { tokensMax = limits.graphqlCachedTokensMax } = this.options;
    for (const [text, { tokens }] of this.#kept) {
      if (this.#kept.size <= documentsMax && this.#tokens <= tokensMax) return;
      this.#kept.delete(text);
      this.#tokens -= tokens;
    }
  }
}
