import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { testGateway } from "../testing/test_gateway.ts";

Deno.test("/graphiql is served only where it is asked for", async () => {
  const answer = await testGateway().app.request("/graphiql");
  assert.deepEqual([answer.status, (await answer.json()).code], [404, "not_found"]);
});

Deno.test("/graphiql is one page that loads nothing from elsewhere, and its policy lets its script run", async () => {
  const { app } = testGateway({ graphiql: true });
  const answer = await app.request("/graphiql");
  const html = await answer.text();
  assert.equal(answer.status, 200);
  const [head, script, tail] = html.split(/<script>([\s\S]*)<\/script>/) as [
    string,
    string,
    string,
  ];
  assert.doesNotMatch(head + tail, /<script|(src|href)="(?!data:)|@import/);
  // The whole script is within the one element, or the browser would see another text.
  assert.doesNotMatch(script, /<\/script/i);
  new Function(script);
  const policy = answer.headers.get("content-security-policy")!;
  assert.ok(policy.includes(`'sha256-${hash("sha256", script, "base64")}'`), policy);
  assert.doesNotMatch(policy, /https?:|unsafe-eval|script-src[^;]*unsafe-inline|\*/);
  assert.match(policy, /connect-src 'self'.*worker-src blob:.*frame-ancestors 'none'/);
  assert.match(script, /"endpoint":"\/graphql"/);
  const tag = answer.headers.get("etag")!;
  const again = await app.request("/graphiql", { headers: { "if-none-match": tag } });
  assert.deepEqual([again.status, again.body], [304, null]);
  assert.equal((await app.request("/graphiql", { method: "POST" })).status, 405);
});
