/**
 * An intermediary that acknowledges events before the platform has: a promise broken on purpose, as
 * a gateway would that answers before the log is durable. Everything else it passes on.
 *
 * @module
 */

/** A running proxy. */
export interface EarlyAckProxy {
  readonly url: string;
  close(): Promise<void>;
}

const path = "/api/v1/events";

/** Starts a proxy before the gateway at `upstream`. */
export function startEarlyAckProxy(upstream: string): EarlyAckProxy {
  const passOn = new Set<Promise<unknown>>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.text();
    const { pathname } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    headers.delete("content-length");
    const sent = fetch(new URL(pathname, upstream), { method: request.method, headers, body });
    if (pathname !== path) return await sent;
    const passing = sent.then((response) => response.body?.cancel(), () => {})
      .finally(() => passOn.delete(passing));
    passOn.add(passing);
    const events = body.startsWith("[") ? JSON.parse(body).length : 1;
    return Response.json({ accepted: events, rejected: [] }, { status: 202 });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    async close() {
      await server.shutdown();
      await Promise.all(passOn);
    },
  };
}
