import assert from "node:assert/strict";
import { join } from "node:path";
import { limits } from "../../schema/limits.ts";
import { ClusterWorld, eventsOf, until } from "./testing/cluster_world.ts";

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, stdin: "null" }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

/** A certificate authority, and a certificate of `localhost` that it has signed. */
async function certificates(dir: string) {
  const file = (name: string) => join(dir, name);
  const [caKey, ca, key, request, cert] = ["ca.key", "ca.pem", "key.pem", "request.pem", "cert.pem"]
    .map(file) as [string, string, string, string, string];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl("req", "-x509", ...curve, "-keyout", caKey, "-out", ca, "-subj", "/CN=test CA");
  await openssl("req", ...curve, "-keyout", key, "-out", request, "-subj", "/CN=localhost");
  const extensions = file("extensions");
  await Deno.writeTextFile(extensions, "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n");
  const signing = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", "2"];
  await openssl("x509", "-req", "-in", request, ...signing, "-out", cert, "-extfile", extensions);
  return { ca, key, cert };
}

Deno.test("Cluster talks over TLS, and to nobody whose certificate it cannot trust", async () => {
  const dir = await Deno.makeTempDir();
  const tls = await certificates(dir);
  const world = new ClusterWorld();
  const a = await world.join("a", { scheme: "https", tls });
  const b = await world.join("b", { scheme: "https", tls });
  await until(() => a.partitions().length === 2 && b.partitions().length === 2);
  await world.send("ann", "bob", "cat", "dan", "eve", "fay");
  for (const user of ["ann", "bob", "cat", "dan", "eve", "fay"]) {
    await until(async () => await eventsOf(a, user) === 1 && await eventsOf(b, user) === 1);
  }
  // This one trusts the system's authorities alone.
  const stranger = await world.join("stranger", {
    roles: ["gateway"],
    scheme: "https",
    tls: { cert: tls.cert, key: tls.key, ca: undefined },
  });
  await until(() => stranger.cluster.peers.link(a.life) !== undefined);
  await new Promise((resolve) => setTimeout(resolve, limits.nodeBeatMs));
  assert.equal(stranger.cluster.peers.link(a.life)!.isOpen, false);
  await world.end();
  await Deno.remove(dir, { recursive: true });
});

Deno.test("Cluster refuses a certificate that cannot be read, and says which variable names it", async () => {
  const world = new ClusterWorld();
  const tls = { cert: "/nowhere/cert.pem", key: "/nowhere/key.pem", ca: undefined };
  await assert.rejects(world.join("a", { scheme: "https", tls }), {
    name: "Terminal",
    code: "cluster_tls_unreadable",
    message: /the file that CLUSTER_TLS_CERT names/,
  });
});
