/**
 * Kafka's jars from Maven Central: the list in `jars.json` says which, how long and with what hash.
 * They are kept in the user's cache folder, for all checkouts.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import list from "./jars.json" with { type: "json" };
import { cacheFolder } from "../machine/cache_folder.ts";
import type { Site } from "../service.ts";

export const kafkaVersion: string = list.version;

interface Jar {
  /** Below the repository's root. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha512: string;
}

/** Downloads at the same time. */
const lanes = 6;

/** The class path of the broker and its tools; downloads what is missing. */
export async function kafkaClassPath(site: Site): Promise<string> {
  const folder = join(cacheFolder(), `kafka-${list.version}`);
  await Deno.mkdir(folder, { recursive: true });
  const missing: Jar[] = [];
  for (const jar of list.jars) {
    const stat = await Deno.stat(join(folder, basename(jar.path))).catch(() => undefined);
    // A jar gets its name only after its hash was checked.
    if (stat?.size !== jar.bytes) missing.push(jar);
  }
  if (missing.length > 0) await download(site, folder, missing);
  return join(folder, "*");
}

async function download(site: Site, folder: string, jars: readonly Jar[]): Promise<void> {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const total = jars.reduce((sum, { bytes }) => sum + bytes, 0);
  site.progress(`downloading Kafka ${list.version}: ${jars.length} jars, ${megabytes(total)} MB`);
  const queue = [...jars];
  let done = 0;
  let told = 0;
  const lane = async () => {
    for (let jar = queue.shift(); jar !== undefined; jar = queue.shift()) {
      await fetchJar(list.repository, folder, jar);
      done += jar.bytes;
      // Some ten lines in all, whatever the number of jars.
      const tenth = Math.floor(done / total * 10);
      if (tenth > told) site.progress(`  ${megabytes(done)} of ${megabytes(total)} MB`);
      told = tenth;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Downloads one jar. Under its name there is never one with another hash. */
export async function fetchJar(repository: string, folder: string, jar: Jar): Promise<void> {
  const url = `${repository}/${jar.path}`;
  const bytes = await fetchBytes(url);
  const hash = createHash("sha512").update(bytes).digest("hex");
  if (hash !== jar.sha512) {
    throw new Error(
      `Cannot use ${url} as its SHA-512 must be ${jar.sha512}: current value is ${hash}`,
    );
  }
  const path = join(folder, basename(jar.path));
  // Another site may fetch it at the same time.
  const part = await Deno.makeTempFile({ dir: dirname(path), prefix: ".part-" });
  await Deno.writeFile(part, bytes, { mode: 0o644 });
  await Deno.rename(part, path);
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  for (let attempt = 1;; attempt++) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
      if (response.ok) return await response.bytes();
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    } catch (error) {
      if (attempt < 3) continue;
      throw new Error(`Cannot download ${url}: ${(error as Error).message}`, { cause: error });
    }
  }
}
