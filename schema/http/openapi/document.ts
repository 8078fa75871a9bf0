/**
 * OpenAPI 3.1 documents, made of three things that must agree anyway: the table of routes, what is said
 * of each operation, and zod schemas.
 *
 * @module
 */
import { z } from "zod";

/** JSON Schema, and other plain parts of a document. */
export type Part = Readonly<Record<string, unknown>>;

/** A parameter of the query. */
export interface QueryField {
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly schema: Part;
  readonly example?: unknown;
}

/** A body, of a request or of an answer. */
export interface Body {
  /** Name of one of the document's schemas; text and images have none. */
  readonly schema?: string;
  /** @default ["application/json"] */
  readonly types?: readonly string[];
  /** By name; each is one that the endpoint takes, or gives, as it stands. */
  readonly examples?: Readonly<Record<string, unknown>>;
  /** @default true */
  readonly required?: boolean;
}

export interface AnswerDoc extends Body {
  readonly description: string;
}

export interface Operation {
  /** Unique among its siblings under a heading. */
  readonly summary: string;
  readonly description?: string;
  /** The heading that it stands under. */
  readonly tag: string;
  /** Names of security schemes, any of which will do; none: it is open. */
  readonly security: readonly string[];
  readonly query?: readonly QueryField[];
  readonly body?: Body;
  /** Paths that do the same, such as the one with a final slash; told as `x-also`. */
  readonly also?: readonly string[];
  /** By status; problems stand for all others. */
  readonly answers: Readonly<Record<string, AnswerDoc>>;
}

/** What a path is asked by: `METHOD /path/:id`, as routes are written. */
export type Operations = Readonly<Record<string, Operation>>;

export interface DocumentParts {
  readonly info: Part;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly securitySchemes: Readonly<Record<string, Part>>;
  /** What parameters of paths are, by name. */
  readonly pathFields: Readonly<Record<string, { description: string; example: string }>>;
  readonly schemas: Readonly<Record<string, z.ZodType>>;
  readonly operations: Operations;
}

export interface OpenApiDocument extends Part {
  readonly openapi: "3.1.1";
  readonly info: Part;
  readonly tags: DocumentParts["tags"];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Part>>>>;
  readonly components: Part;
}

/** The schemas as JSON Schema, referring to each other by name. */
function jsonSchemas(schemas: DocumentParts["schemas"]): Record<string, Part> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const made = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    io: "input",
    // Checks that are code have no form here; descriptions tell of them.
    unrepresentable: "any",
  });
  return Object.fromEntries(
    Object.entries(made.schemas).map(([name, { $schema: _schema, $id: _id, ...rest }]) => [
      name,
      rest,
    ]),
  );
}

const problem = { $ref: "#/components/responses/Problem" };

const content = ({ schema, types = ["application/json"], examples }: Body) =>
  Object.fromEntries(types.map((type) => [type, {
    ...(schema === undefined ? {} : { schema: { $ref: `#/components/schemas/${schema}` } }),
    ...(examples === undefined ? {} : {
      examples: Object.fromEntries(
        Object.entries(examples).map(([name, value]) => [name, { value }]),
      ),
    }),
  }]));

/** `/v2/:key/events` as a document writes it. */
const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, "{$1}");

function operationObject(id: string, path: string, op: Operation, parts: DocumentParts): Part {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    ...parts.pathFields[name!],
  }));
  const inQuery = (op.query ?? []).map((field) => ({ in: "query", ...field }));
  const parameters = [...inPath, ...inQuery];
  const { body } = op;
  return {
    operationId: id,
    summary: op.summary,
    ...(op.description === undefined ? {} : { description: op.description }),
    tags: [op.tag],
    ...(op.also === undefined ? {} : { "x-also": op.also.map(templateOf) }),
    security: op.security.map((name) => ({ [name]: [] })),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.required ?? true, content: content(body) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(op.answers).map(([status, { description, ...answer }]) => [status, {
          description,
          ...(answer.schema === undefined && answer.types === undefined
            ? {}
            : { content: content(answer) }),
        }]),
      ),
      default: problem,
    },
  };
}

/** Stable and readable: `post_v2_key_events`. */
const idOf = (key: string): string =>
  key.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_").replace(/_$/, "");

/** Problems as both ports answer them (RFC 9457). */
const problemSchema = z.looseObject({
  type: z.literal("about:blank"),
  title: z.string(),
  status: z.int(),
  code: z.string().describe("Stable: what programs go by"),
  detail: z.string().describe("What happened and what to do; for people"),
  request_id: z.string().optional().describe("X-Request-Id of the answer"),
});

export function openApiDocument(parts: DocumentParts): OpenApiDocument {
  const paths: Record<string, Record<string, Part>> = {};
  for (const [key, operation] of Object.entries(parts.operations)) {
    const [method, path] = key.split(" ", 2) as [string, string];
    const item = paths[templateOf(path)] ??= {};
    item[method.toLowerCase()] = operationObject(idOf(key), path, operation, parts);
  }
  return {
    openapi: "3.1.1",
    info: parts.info,
    servers: [{ url: "/" }],
    tags: parts.tags,
    paths,
    components: {
      schemas: jsonSchemas({ ...parts.schemas, Problem: problemSchema }),
      responses: {
        Problem: {
          description: "What went wrong, with a stable `code`",
          content: {
            "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
          },
        },
      },
      securitySchemes: parts.securitySchemes,
    },
  };
}
