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

Deno.test("openClient() with TLS never goes on in plain text", async () => {
  // As a server does that has none: it refuses the request for TLS, and listens on.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heard: number[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(1024);
      await connection.read(buffer);
      await connection.write(new TextEncoder().encode("N"));
      if (await connection.read(buffer).catch(() => null) !== null) heard.push(buffer[0]!);
      connection.close();
    }
  })();
  const url = `postgres://u:p@127.0.0.1:${listener.addr.port}/x?sslmode=require`;
  const sql = openClient(url, { max: 1, connect_timeout: 5 });
  await assert.rejects(async () => await sql`select 1`);
  await sql.end({ timeout: 0 });
  listener.close();
  await serving;
  // The client goes on with TLS, or not at all: 22 begins a handshake.
  assert.ok(heard.every((byte) => byte === 22), String(heard));
});
