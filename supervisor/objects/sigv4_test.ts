import assert from "node:assert/strict";
import { signedHeaders, type ToSign, uriEncode } from "./sigv4.ts";

// The examples of Amazon's S3 API Reference, "Examples: Signature Calculations".
const key = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const now = Date.UTC(2013, 4, 24);
const host = "https://examplebucket.s3.amazonaws.com";

const examples: Record<string, { request: ToSign; signature: string }> = {
  "GET of a range": {
    request: { method: "GET", url: new URL(`${host}/test.txt`), headers: { Range: "bytes=0-9" } },
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
  "PUT of an object": {
    request: {
      method: "PUT",
      url: new URL(`${host}/test%24file.text`),
      headers: {
        Date: "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
      },
      body: new TextEncoder().encode("Welcome to Amazon S3."),
    },
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  },
  "GET of a bucket's lifecycle": {
    request: { method: "GET", url: new URL(`${host}/?lifecycle`) },
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  },
  "GET of a list": {
    request: { method: "GET", url: new URL(`${host}/?max-keys=2&prefix=J`) },
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  },
};

for (const [name, { request, signature }] of Object.entries(examples)) {
  Deno.test(`signedHeaders() signs Amazon's example: ${name}`, () => {
    const { authorization } = signedHeaders(request, key, now);
    assert.match(authorization!, new RegExp(`Signature=${signature}$`));
    assert.ok(authorization!.startsWith(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,",
    ));
  });
}

Deno.test("signedHeaders() signs another body, path, host or secret differently", () => {
  const { request } = examples["PUT of an object"]!;
  const of = (change: Partial<ToSign>, secret = key) =>
    signedHeaders({ ...request, ...change }, secret, now).authorization;
  const all = [
    of({}),
    of({ body: new Uint8Array([1]) }),
    of({ url: new URL(`${host}/test`) }),
    of({ url: new URL("https://other.example/test%24file.text") }),
    of({}, { ...key, secretAccessKey: "other" }),
  ];
  assert.equal(new Set(all).size, all.length);
});

Deno.test("uriEncode() leaves only unreserved characters as they are", () => {
  assert.equal(uriEncode("aZ09-_.~"), "aZ09-_.~");
  assert.equal(uriEncode("a b/!'()*ü="), "a%20b%2F%21%27%28%29%2A%C3%BC%3D");
});
