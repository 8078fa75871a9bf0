/**
 * A gateway without a platform behind it, as a process that a drill can attack.
 *
 * @module
 */
import { inMemoryKey } from "../../../gateway/testing/serve_in_memory.ts";
import type { Drill, DrillResult } from "../drill_types.ts";

const program = new URL("../../../gateway/testing/serve_in_memory.ts", import.meta.url);

/** The first line that a stream brings. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream() as never)) {
    text += part;
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error("Cannot attack the gateway: it ended before it served");
}

/** Runs a drill against a gateway of its own. @param broken serve one that accepts everything */
export async function drillGateway(drill: Drill, broken: boolean): Promise<DrillResult> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program.pathname, ...(broken ? ["--break=accept-everything"] : [])],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const url = await firstLine(child.stdout);
    const print = () => {};
    return await drill.run({ seed: 1, url, key: inMemoryKey, pid: child.pid, quick: true, print });
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
}
