/**
 * The site's own certificate authority and the certificate of its servers, made once with openssl.
 *
 * @module
 */
import { join } from "node:path";
import { findProgram } from "./machine/packages.ts";
import { host } from "./ports.ts";
import type { Site } from "./service.ts";

/** Files, PEM. */
export interface Certificates {
  /** What clients trust. */
  readonly ca: string;
  readonly cert: string;
  /** PKCS #8, without a passphrase. */
  readonly key: string;
  /** Key and certificate in one file, as Kafka wants them. */
  readonly bundle: string;
}

export const opensslProgram = { name: "openssl", folders: [], packages: ["openssl"] };

/** The name in the servers' certificate. */
export const serverName = "gamemetrics-server";

const validDays = "825";

const configuration = `
[req]
prompt = no
distinguished_name = name
[name]
CN = ${serverName}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = IP:${host}, DNS:localhost
`;

/** The certificates of the site; makes them if they are not there or end within a week. */
export async function certificatesOf(site: Site): Promise<Certificates> {
  const folder = join(site.folder, "tls");
  const path = (name: string) => join(folder, name);
  const made: Certificates = {
    ca: path("ca.pem"),
    cert: path("server.pem"),
    key: path("server.key"),
    bundle: path("bundle.pem"),
  };
  const openssl = await findProgram(site, opensslProgram);
  const week = String(7 * 86_400);
  if (await tries(openssl, ["x509", "-checkend", week, "-noout", "-in", made.cert])) return made;
  await Deno.mkdir(folder, { recursive: true, mode: 0o755 });
  await Deno.writeTextFile(path("openssl.cnf"), configuration);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await run(openssl, [
    ...["req", "-x509", "-config", path("openssl.cnf"), "-extensions", "authority", ...newKey],
    ...["-subj", "/CN=gamemetrics-services", "-days", validDays],
    ...["-keyout", path("ca.key"), "-out", made.ca],
  ]);
  await run(openssl, [
    ...["req", "-new", "-config", path("openssl.cnf"), ...newKey],
    ...["-keyout", made.key, "-out", path("server.csr")],
  ]);
  await run(openssl, [
    ...["x509", "-req", "-in", path("server.csr"), "-CA", made.ca, "-CAkey", path("ca.key")],
    ...["-CAcreateserial", "-days", validDays, "-out", made.cert],
    ...["-extfile", path("openssl.cnf"), "-extensions", "server"],
  ]);
  const bundle = await Deno.readTextFile(made.key) + await Deno.readTextFile(made.cert);
  await Deno.writeTextFile(made.bundle, bundle, { mode: 0o600 });
  for (const secret of [path("ca.key"), made.key, made.bundle]) await Deno.chmod(secret, 0o600);
  return made;
}

async function tries(program: string, args: readonly string[]): Promise<boolean> {
  const { success } = await new Deno.Command(program, { args: [...args], stdin: "null" }).output();
  return success;
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  if (success) return;
  const text = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot make certificates: 'openssl ${args.join(" ")}' says:\n${text}`);
}
