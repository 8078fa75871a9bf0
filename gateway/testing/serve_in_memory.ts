/**
 * A gateway over {@link InMemoryPlatform} as a process of its own, for drills that attack a gateway
 * alone. Prints its URL as one line and serves until it is killed.
 *
 * `--break=accept-everything` serves a gateway that reads every body to its end and accepts it: what
 * the drills must notice.
 *
 * @module
 */
import { demoKeys } from "../auth.ts";
import { createGateway } from "../gateway.ts";
import { InMemoryPlatform } from "./in_memory_platform.ts";

/** The key that the process takes. */
export const inMemoryKey = "drill-key";

/** Where the broken gateway stops reading, to spare the machine it runs on. */
const brokenBytesMax = 64 * 1024 * 1024;
const brokenPartsMax = 10_000;

/** Holds and accepts whatever comes, expanded and far beyond every bound. */
async function acceptEverything(request: Request): Promise<Response> {
  const isGzip = request.headers.get("content-encoding") === "gzip";
  const body = isGzip ? request.body?.pipeThrough(new DecompressionStream("gzip")) : request.body;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    parts.push(part.slice());
    bytes += part.length;
    if (bytes > brokenBytesMax || parts.length > brokenPartsMax) break;
  }
  return Response.json({ accepted: parts.length, rejected: [] }, { status: 202 });
}

if (import.meta.main) {
  const platform = new InMemoryPlatform();
  // Only what the gateway does is of interest, and the process's memory is being watched.
  platform.accept = () => Promise.resolve();
  platform.reject = () => Promise.resolve();
  const gateway = createGateway({ platform, keys: demoKeys(inMemoryKey) });
  const isBroken = Deno.args.includes("--break=accept-everything");
  Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => {
      Deno.stdout.writeSync(new TextEncoder().encode(`http://127.0.0.1:${port}\n`));
    },
  }, isBroken ? acceptEverything : gateway.fetch);
}
