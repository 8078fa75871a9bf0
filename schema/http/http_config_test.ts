import assert from "node:assert/strict";
import { readConfig } from "../config.ts";
import { ConfigFaults } from "../config_reader.ts";

const http = (env: Record<string, string>) => readConfig(env).http;

Deno.test("readHttpConfig() takes ACCESS_LOG as a word or a share", () => {
  const read = (text: string) => http({ ACCESS_LOG: text }).accessLog;
  assert.deepEqual(["off", "errors", "all", "0.01", ".5", "1", ""].map(read), [
    "off",
    "errors",
    "all",
    0.01,
    0.5,
    1,
    "errors",
  ]);
  for (const wrong of ["some", "2", "-0.1", "1.5", "1%"]) {
    assert.throws(() => read(wrong), ConfigFaults, wrong);
  }
});

Deno.test("readHttpConfig() serves GraphiQL where only this machine hears it, unless told otherwise", () => {
  for (const HOST of ["127.0.0.1", "localhost", "::1"]) {
    assert.equal(http({ HOST }).graphiql, true, HOST);
    assert.equal(http({ HOST, GRAPHIQL: "off" }).graphiql, false, HOST);
  }
  for (const HOST of ["", "0.0.0.0", "10.0.0.1", "127.example.com"]) {
    assert.equal(http({ HOST }).graphiql, false, HOST);
    assert.equal(http({ HOST, GRAPHIQL: "on" }).graphiql, true, HOST);
  }
  assert.throws(() => http({ GRAPHIQL: "maybe" }), ConfigFaults);
});

Deno.test("readHttpConfig() says nothing of HTTPS unless told to", () => {
  assert.equal(http({}).hstsSeconds, 0);
  assert.equal(http({ HSTS_SECONDS: "31536000" }).hstsSeconds, 31_536_000);
  assert.throws(() => http({ HSTS_SECONDS: "-1" }), ConfigFaults);
});
