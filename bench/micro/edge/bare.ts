/**
 * `Deno.serve` and nothing else: reads the body, answers 202. What a request costs before any of ours.
 * Prints its port.
 *
 * @module
 */
import { print } from "../../cli/print.ts";

if (import.meta.main) {
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => print(String(port)),
  }, async (request) => {
    await request.arrayBuffer();
    const headers = { "content-type": "application/json" };
    return new Response('{"accepted":1,"rejected":[]}', { status: 202, headers });
  });
}
