import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Validator } from "@seriousme/openapi-schema-validator";
import { z } from "zod";
import type { Part } from "../../../schema/http/openapi/document.ts";
import { testGateway, testHmac } from "../../testing/test_gateway.ts";
import { gatewayDocument } from "./gateway_document.ts";
import { nativeSchemas } from "./native_operations.ts";
import { protocolSchemas } from "./protocol_operations.ts";

const document = gatewayDocument();
const schemas = { ...nativeSchemas, ...protocolSchemas };

interface Described {
  readonly method: string;
  readonly path: string;
  // deno-lint-ignore no-explicit-any -- parts of a document are of many shapes
  readonly op: any;
}

const described: readonly Described[] = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, op]) => ({ method: method.toUpperCase(), path, op }))
);

const schemaOf = (content: Part | undefined, type?: string): z.ZodType | undefined => {
  const body = (type === undefined ? Object.values(content ?? {})[0] : content?.[type]) as
    | { schema?: { $ref: string } }
    | undefined;
  const name = body?.schema?.$ref.split("/").at(-1);
  return name === undefined ? undefined : schemas[name]!;
};

Deno.test("gatewayDocument() is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document) as never);
  assert.deepEqual([result.valid, result.errors, validator.version], [true, undefined, "3.1"]);
  const broken = { ...structuredClone(document), paths: { "no-slash": {} } };
  assert.equal((await new Validator().validate(broken as never)).valid, false);
});

Deno.test("gatewayDocument() describes every route, and no other", () => {
  const served = testGateway().app.routes
    .filter(({ method }) => method !== "ALL" && method !== "OPTIONS")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const told = described.flatMap(({ method, path, op }) =>
    [path, ...(op["x-also"] ?? [])].map((one) => `${method} ${one}`)
  );
  assert.deepEqual(told.sort(), [...new Set(served)].sort());
});

Deno.test("gatewayDocument() names operations once, and refers to nothing that is not there", () => {
  const ids = described.map(({ op }) => op.operationId);
  assert.equal(new Set(ids).size, ids.length);
  const refs = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([\w.]+)"/g);
  const components = document.components as Record<string, Record<string, unknown>>;
  for (const [ref, kind, name] of refs) assert.ok(components[kind!]?.[name!], ref);
  const tags = new Set(document.tags.map(({ name }) => name));
  for (const { op } of described) {
    assert.ok(tags.has(op.tags[0]), op.summary);
    for (const one of op.security) {
      assert.ok(components.securitySchemes![Object.keys(one)[0]!], op.summary);
    }
  }
});

/** Sends an operation with the examples of its parameters and a body. */
async function send({ method, path, op }: Described, type: string | undefined, body?: unknown) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  // deno-lint-ignore no-explicit-any -- see above
  const parameters: any[] = op.parameters ?? [];
  let target = path;
  const query = new URLSearchParams();
  for (const { name, in: place, example } of parameters) {
    if (place === "path") target = target.replace(`{${name}}`, example);
    else if (example !== undefined) {
      query.set(name, example === "KEY" ? "chess" : example);
    }
  }
  const isSigned = op.security.some((one: Part) => "signature" in one);
  const signature = () => createHmac("sha256", testHmac.secret).update(text ?? "").digest("base64");
  const headers = {
    ...(op.security.length === 0 ? {} : { authorization: isSigned ? signature() : "Bearer chess" }),
    ...(type === undefined ? {} : { "content-type": type }),
  };
  const gateway = testGateway({ newId: () => crypto.randomUUID() });
  const response = await gateway.app.request(`${target}?${query}`, {
    method,
    headers,
    ...(text === undefined ? {} : { body: text }),
  });
  return { response, gateway };
}

/** The answer is one that the document tells of, and looks as it says. */
async function assertTold({ method, path, op }: Described, response: Response): Promise<void> {
  const where = `${method} ${path}`;
  const text = await response.text();
  const answer = op.responses[String(response.status)];
  assert.ok(answer, `${where} answered ${response.status}: ${text.slice(0, 300)}`);
  const type = response.headers.get("content-type")!.split(";")[0]!;
  assert.ok(answer.content[type], `${where} answered ${type}`);
  const schema = schemaOf(answer.content, type);
  if (schema === undefined) return;
  const parsed = schema.safeParse(JSON.parse(text));
  assert.ok(parsed.success, `${where}: ${text} ${parsed.error}`);
}

Deno.test("Each example of a body is valid, and the gateway takes it and answers as described", async () => {
  let sent = 0;
  for (const one of described) {
    const content = (one.op.requestBody?.content ?? {}) as Record<string, Part>;
    for (const [type, body] of Object.entries(content)) {
      for (const { value } of Object.values(body.examples as Record<string, { value: unknown }>)) {
        const valid = schemaOf(content, type)!.safeParse(value);
        assert.ok(valid.success, `${one.path}: ${valid.error}`);
        const { response, gateway } = await send(one, type, value);
        assert.ok(response.status < 300, `${one.path} answered ${response.status}`);
        await assertTold(one, response);
        assert.deepEqual(gateway.platform.deadLetters, [], one.path);
        // Whatever brings events has brought some.
        const brings = !/init|graphql|flags|decide|\/o\//.test(one.path);
        if (brings) assert.ok(gateway.platform.stored.length > 0, one.path);
        sent++;
      }
    }
  }
  assert.ok(sent >= 30, `only ${sent} examples`);
});

Deno.test("Each operation without a body answers as described", async () => {
  const bodiless = described.filter(({ op, path }) =>
    op.requestBody === undefined && path !== "/ws"
  );
  assert.ok(bodiless.length >= 10);
  for (const one of bodiless) {
    const { response, gateway } = await send(one, undefined);
    assert.ok(response.status < 300, `${one.method} ${one.path} answered ${response.status}`);
    await assertTold(one, response);
    assert.deepEqual(gateway.platform.deadLetters, [], one.path);
  }
});

Deno.test("/openapi.json and /docs are there without a key, kept by caches, packed, and asked again for nothing", async () => {
  const { app } = testGateway();
  for (const path of ["/openapi.json", "/docs"]) {
    const first = await app.request(path, { headers: { "accept-encoding": "br" } });
    assert.deepEqual(
      ["content-encoding", "cache-control", "x-content-type-options"].map((name) =>
        first.headers.get(name)
      ),
      ["br", "public, max-age=300", "nosniff"],
    );
    await first.body?.cancel();
    const again = await app.request(path, {
      headers: { "if-none-match": first.headers.get("etag")! },
    });
    assert.deepEqual([again.status, again.body], [304, null], path);
  }
  const json = await (await app.request("/openapi.json")).json();
  assert.deepEqual(json, JSON.parse(JSON.stringify(document)));
});

Deno.test("/docs needs nothing from elsewhere, runs no script, and has each operation and schema", async () => {
  const answer = await testGateway().app.request("/docs");
  const html = await answer.text();
  assert.match(answer.headers.get("content-type")!, /^text\/html/);
  const policy = answer.headers.get("content-security-policy")!;
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; .*frame-ancestors 'none'$/);
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  assert.doesNotMatch(html, /<script|<link|<img|https?:\/\/|\son\w+=/i);
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)![1]!;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  assert.ok(policy.includes(`'sha256-${new Uint8Array(digest).toBase64()}'`));
  for (const { op } of described) assert.ok(html.includes(`id="${op.operationId}"`));
  const names = Object.keys(document.components.schemas as object);
  for (const name of names) assert.ok(html.includes(`id="schema-${name}"`), name);
  for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) {
    assert.ok(html.includes(`id="${target}"`), target);
  }
});
