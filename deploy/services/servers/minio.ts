/**
 * MinIO, an object store that speaks S3, built from its Go module.
 *
 * @module
 */
import { join } from "node:path";
import { cacheFolder } from "../machine/cache_folder.ts";
import { certificatesOf } from "../certificates.ts";
import { startDaemon } from "../machine/daemon.ts";
import { findProgram } from "../machine/packages.ts";
import { passwordOf } from "../passwords.ts";
import { host, portOf } from "../ports.ts";
import type { ProcessEntry, Service, Site, Variables } from "../service.ts";
import { folderOf } from "../state_files.ts";

export const minio: Service = { name: "minio", variables, start, ask, stopSignal: "SIGTERM" };

const version = "v0.0.0-20260212201848-7aac2a2c5b7c";
const accessKey = "gamemetrics";
const bucket = "gamemetrics";

async function variables(site: Site): Promise<Variables> {
  const secret = await passwordOf(site, "minio");
  const tls = site.secure ? `tls=1&ca=${(await certificatesOf(site)).ca}` : "tls=0";
  const place = `${host}:${portOf(site, "minio")}`;
  return {
    OBJECTS_URL: `s3://${accessKey}:${secret}@${place}/${bucket}?region=us-east-1&${tls}`,
  };
}

async function start(site: Site): Promise<ProcessEntry[]> {
  const program = await build(site);
  const folder = folderOf(site, "minio");
  const data = join(folder, "data");
  // A folder of its data folder is a bucket.
  await Deno.mkdir(join(data, bucket), { recursive: true });
  const certs = join(folder, "certs");
  await Deno.remove(certs, { recursive: true }).catch(() => {});
  await Deno.mkdir(certs);
  if (site.secure) {
    const { cert, key } = await certificatesOf(site);
    await Deno.copyFile(cert, join(certs, "public.crt"));
    await Deno.copyFile(key, join(certs, "private.key"));
  }
  const port = portOf(site, "minio");
  const entry = await startDaemon({
    program,
    args: ["server", "--address", `${host}:${port}`, "--certs-dir", certs, data],
    env: {
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: await passwordOf(site, "minio"),
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
    },
    logFile: join(folder, "minio.log"),
    cwd: folder,
    port,
  });
  return [entry];
}

/** The path of the program; the first build takes minutes. */
async function build(site: Site): Promise<string> {
  const folder = join(cacheFolder(), `minio-${version}`);
  const program = join(folder, "minio");
  if (await Deno.stat(program).then(({ isFile }) => isFile, () => false)) return program;
  const go = await findProgram(site, {
    name: "go",
    folders: ["/usr/local/go/bin"],
    packages: ["golang-go"],
    // The distribution's is too old to build it.
    installs: false,
  });
  site.progress(`building MinIO ${version}; this takes minutes, and only the first time …`);
  await Deno.mkdir(folder, { recursive: true });
  const { success, stderr } = await new Deno.Command(go, {
    args: ["install", "-ldflags", "-s -w", `github.com/minio/minio@${version}`],
    env: { GOBIN: folder, CGO_ENABLED: "0" },
    stdin: "null",
  }).output();
  if (success) return program;
  const text = new TextDecoder().decode(stderr).trim().split("\n").slice(-5).join("\n");
  throw new Error(`Cannot build MinIO: 'go install' says:\n${text}`);
}

async function ask({ OBJECTS_URL }: Variables): Promise<void> {
  const url = new URL(OBJECTS_URL!);
  const ca = url.searchParams.get("ca");
  const caCerts = ca === null ? [] : [await Deno.readTextFile(ca)];
  using client = Deno.createHttpClient({ caCerts });
  const path = `${ca === null ? "http" : "https"}://${url.host}/minio/health/live`;
  const response = await fetch(path, { client, signal: AbortSignal.timeout(5_000) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`MinIO answers ${path} with ${response.status}`);
}
