/**
 * Operations that are known beforehand and asked for by the SHA-256 of their text: `documentId`
 * (`sha256:…`) of GraphQL over HTTP, or `extensions.persistedQuery` as Apollo's clients send it.
 * Nothing can be added from outside.
 *
 * @module
 */
import { hash } from "node:crypto";
import { refusal } from "../errors.ts";
import type { OperationParams } from "./operation_params.ts";

const sha256 = (text: string): string => hash("sha256", text, "hex");
const idForm = /^(?:sha256:)?([0-9a-f]{64})$/;

/** A manifest that cannot be used; the message says why, fit for an operator. */
export class BadManifest extends Error {
  override readonly name = "BadManifest";
}

/** Operations by the SHA-256 of their text, lower-case hex. */
export interface PersistedOperations {
  readonly byId: ReadonlyMap<string, string>;
  /** Whether nothing but these is run. */
  readonly only: boolean;
}

/** Pairs of id and text: `{ID: TEXT}`, or `{operations: [{id, body}]}` as Apollo's tools write it. */
function entriesOf(manifest: unknown): [id: string, text: unknown][] {
  if (typeof manifest !== "object" || manifest === null || Array.isArray(manifest)) {
    throw new BadManifest("it must be an object of texts by their SHA-256");
  }
  if (!("operations" in manifest)) return Object.entries(manifest);
  const { operations } = manifest;
  if (!Array.isArray(operations)) throw new BadManifest("operations must be a list");
  return operations.map((operation) => [String(operation?.id), operation?.body]);
}

/**
 * Reads a manifest.
 *
 * @param json its text
 * @param check throws for a document that could never run
 * @throws {BadManifest}
 */
export function parseManifest(json: string, check: (text: string) => void): Map<string, string> {
  let manifest: unknown;
  try {
    manifest = JSON.parse(json);
  } catch {
    throw new BadManifest("it is not JSON");
  }
  const byId = new Map<string, string>();
  for (const [given, text] of entriesOf(manifest)) {
    const id = idForm.exec(given)?.[1];
    if (id === undefined || typeof text !== "string" || sha256(text) !== id) {
      throw new BadManifest(`${given.slice(0, 80)} is not the SHA-256 of its operation's text`);
    }
    try {
      check(text);
    } catch (error) {
      throw new BadManifest(`operation ${id} can never run: ${(error as Error).message}`);
    }
    byId.set(id, text);
  }
  if (byId.size === 0) throw new BadManifest("it has no operation");
  return byId;
}

/** The id that a request names; `undefined`: none. */
function idOf({ documentId, extensions }: OperationParams): string | undefined {
  const { persistedQuery } = extensions as { persistedQuery?: { sha256Hash?: unknown } | null };
  const hashed = persistedQuery?.sha256Hash;
  const named = [documentId, hashed].filter((id) => id !== undefined);
  const ids = named.map((id) => typeof id === "string" ? idForm.exec(id)?.[1] : undefined);
  if (ids.includes(undefined)) {
    throw refusal("BAD_REQUEST", "An operation's id is the SHA-256 of its text: 64 digits 0-9 a-f");
  }
  if (new Set(ids).size > 1) throw refusal("BAD_REQUEST", "documentId and sha256Hash differ");
  return ids[0];
}

/**
 * The text of the operation that a request asks for.
 *
 * @throws {GraphQLError} `BAD_REQUEST` for neither text nor id, or a text that is not the id's;
 *   `PERSISTED_QUERY_NOT_FOUND`, `PERSISTED_QUERY_NOT_SUPPORTED`, `PERSISTED_OPERATIONS_ONLY`
 */
export function operationText(
  params: OperationParams,
  persisted: PersistedOperations | undefined,
): string {
  const { query } = params;
  const id = idOf(params);
  if (query === undefined) {
    if (id === undefined) throw refusal("BAD_REQUEST", "Send query, the operation's text");
    // Apollo's clients look at these two messages, and send the text instead.
    if (persisted === undefined) {
      throw refusal("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported");
    }
    const text = persisted.byId.get(id);
    if (text === undefined) throw refusal("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound");
    return text;
  }
  if (id !== undefined && sha256(query) !== id) {
    throw refusal("BAD_REQUEST", "The id is not the SHA-256 of query");
  }
  if (persisted?.only && !persisted.byId.has(id ?? sha256(query))) {
    const message = "Only operations that were made known beforehand are run here";
    throw refusal("PERSISTED_OPERATIONS_ONLY", message);
  }
  return query;
}
