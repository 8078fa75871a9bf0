/**
 * A listener in a process of its own, whose descriptors can be used up: a line `fill` on its input
 * takes all that are left, `release` gives them back, the end of the input ends it. Prints its port,
 * `filled`, and how the listener ended should it end by itself.
 *
 * Arguments: `guard` puts a guard before it, `impatient` makes it give up.
 *
 * @module
 */
import { listenerChild } from "../node/listener_child.ts";
import type { Child, StartContext } from "../tree/child.ts";

const say = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

/** Opens the same file until no descriptor is left. */
function fill(): Deno.FsFile[] {
  const files: Deno.FsFile[] = [];
  try {
    for (;;) files.push(Deno.openSync("/dev/null"));
  } catch {
    return files;
  }
}

if (import.meta.main) {
  // As the platform does: the runtime's first use of signals takes descriptors, and panics without.
  Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
  const spec = listenerChild({
    id: "scarce",
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("here"),
    onListen: (port) => say(`port ${port}`),
    guard: Deno.args.includes("guard") ? { connectionsMax: 100 } : undefined,
    isPatient: !Deno.args.includes("impatient"),
  });
  const listener = await spec.start({} as StartContext) as Child;
  void listener.exited.then(({ type }) => say(`ended ${type}`));
  let files: Deno.FsFile[] = [];
  for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    if (line.startsWith("fill")) {
      files = fill();
      say("filled");
    } else for (const file of files) file.close();
  }
  Deno.exit(0);
}
