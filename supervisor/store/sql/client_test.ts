import assert from "node:assert/strict";
import { Terminal } from "../../../schema/errors.ts";
import { openClient, placeOf, splitUrl } from "./client.ts";

Deno.test("splitUrl() takes out what concerns TLS and leaves the rest", () => {
  const url = "postgres://u:p%40@db:5433/x?sslmode=verify-full&sslrootcert=/a/b.pem&search_path=s";
  assert.deepEqual(splitUrl(url), {
    url: "postgres://u:p%40@db:5433/x?search_path=s",
    mode: "verify-full",
    rootCert: "/a/b.pem",
  });
  assert.equal(splitUrl("postgres://db/x").mode, "disable");
  assert.equal(splitUrl("postgres://db/x?sslrootcert=/a").mode, "verify-full");
  assert.throws(
    () => splitUrl("postgres://db/x?sslmode=prefer"),
    (error: Terminal) => error.code === "store_misconfigured" && error.message.includes("prefer"),
  );
});

Deno.test("openClient() names the certificate that it cannot read", () => {
  assert.throws(
    () => openClient("postgres://db/x?sslrootcert=/there/is/none.pem", {}),
    (error: Terminal) => error instanceof Terminal && error.message.includes("sslrootcert"),
  );
});

Deno.test("placeOf() shows neither user nor password", () => {
  assert.equal(placeOf("postgres://u:secret@db:5433/x?sslmode=require"), "db:5433/x");
});
