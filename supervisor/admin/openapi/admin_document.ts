/**
 * The description of the admin port, and the routes that serve it. Open to whoever reaches the port, as
 * health is: it holds nothing of an installation.
 *
 * @module
 */
import type { Hono } from "hono";
import { type OpenApiDocument, openApiDocument } from "../../../schema/http/openapi/document.ts";
import { docsHeaders, docsPage } from "../../../schema/http/openapi/docs_page.ts";
import { adminOperations } from "./admin_operations.ts";
import { adminSchemas } from "./admin_schemas.ts";

export function adminDocument(): OpenApiDocument {
  return openApiDocument({
    info: {
      title: "GameMetrics Pro, admin API",
      version: "1",
      license: { name: "MIT", identifier: "MIT" },
      description:
        "For operators. Every call to `/admin/` needs the admin token and is audited under " +
        "the `X-Call-Id` of its answer. Whatever is not answered as described here is answered with " +
        "`application/problem+json` and a stable `code`.",
    },
    tags: [
      { name: "Node", description: "Health, metrics, the supervision tree, the audit trail." },
      { name: "Actors", description: "Players and games; ids are `studio/user_id`, encoded." },
      { name: "Shards", description: "Partitions of the log, and versions beside them." },
      { name: "Dead letters", description: "What could not be taken or applied." },
      { name: "Keys", description: "API keys of studios." },
    ],
    securitySchemes: {
      adminToken: { type: "http", scheme: "bearer", description: "`ADMIN_TOKEN`" },
    },
    pathFields: {
      kind: { description: "player or game", example: "player" },
      id: {
        description: "Of an actor studio/user_id, encoded; of others their id",
        example: "0:7",
      },
      stage: { description: "player or game", example: "player" },
      partition: { description: "Of the stage's topic, from 0", example: "3" },
    },
    schemas: adminSchemas,
    operations: adminOperations,
  });
}

/** `/openapi.json` and `/docs`. Asked again with their tag each time: a node may be another version. */
export function addDescriptionRoutes(app: Hono): void {
  const caching = { "cache-control": "no-cache" };
  // Making it of its schemas takes tens of milliseconds, and no token is needed to ask for it.
  let made: OpenApiDocument | undefined;
  const document = () => made ??= adminDocument();
  app.get("/openapi.json", (c) => c.json(document(), 200, caching));
  app.get(
    "/docs",
    () => new Response(docsPage(document()), { headers: { ...docsHeaders, ...caching } }),
  );
}
