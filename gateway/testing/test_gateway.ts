/**
 * A gateway over {@link InMemoryPlatform} with keys of each kind, for the gateway's tests.
 *
 * @module
 */
import { type Principal, principalOf } from "../../schema/principal.ts";
import type { Keys } from "../auth.ts";
import type { GatewayLog } from "../deps.ts";
import { createGateway, type Gateway, type GatewayOptions } from "../gateway.ts";
import { InMemoryPlatform } from "./in_memory_platform.ts";

export const testNow = Date.UTC(2026, 0, 15, 12);

const full: Principal = principalOf({
  id: "full",
  role: "admin",
  studio: "demo",
  createGames: true,
});

/** Keys by token. Studio `other` is a second tenant. */
export const testPrincipals: Readonly<Record<string, Principal>> = {
  full,
  writer: { ...full, id: "writer", role: "writer", read: false },
  reader: { ...full, id: "reader", role: "reader", write: false },
  chess: { ...full, id: "chess", games: new Set(["chess"]), createGames: false },
  two: { ...full, id: "two", games: new Set(["chess", "go"]), createGames: false },
  unlisted: { ...full, id: "unlisted", createGames: false },
  other: { ...full, id: "other", studio: "other" },
};

/** A key that signs, of the game `chess`: its public id and its secret, in GameAnalytics' forms. */
export const testHmac = {
  id: "0123456789abcdef0123456789abcdef",
  secret: "0123456789abcdef0123456789abcdef01234567",
} as const;

const signer = principalOf({
  id: testHmac.id,
  role: "writer",
  studio: "demo",
  games: ["chess"],
});

export const testKeys: Keys = {
  resolve: (token) => Object.hasOwn(testPrincipals, token) ? testPrincipals[token] : undefined,
  hmac: (id) => id === testHmac.id ? { principal: signer, secrets: [testHmac.secret] } : undefined,
};

export interface LogLine {
  readonly level: "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface TestGateway extends Gateway {
  readonly platform: InMemoryPlatform;
  readonly logged: LogLine[];
  /** Posts to the capture endpoint with the key `full`. A body that is no text is sent as JSON. */
  post(body: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** @param over replaces parts; the clock stands at {@link testNow} and ids are `id-1`, `id-2` … */
export function testGateway(over: Partial<GatewayOptions> = {}): TestGateway {
  const now = over.now ?? (() => testNow);
  const platform = new InMemoryPlatform(now);
  const logged: LogLine[] = [];
  const line = (level: LogLine["level"]): GatewayLog["warn"] => (message, fields = {}) =>
    void logged.push({ level, message, fields });
  let ids = 0;
  const gateway = createGateway({
    platform,
    keys: testKeys,
    now,
    newId: () => `id-${++ids}`,
    log: { warn: line("warn"), error: line("error") },
    ...over,
  });
  return {
    ...gateway,
    platform,
    logged,
    async post(body, headers = {}) {
      const isRaw = typeof body === "string" || body instanceof Uint8Array ||
        body instanceof ReadableStream;
      return await gateway.app.request("/api/v1/events", {
        method: "POST",
        headers: { authorization: "Bearer full", ...headers },
        body: isRaw ? body as BodyInit : JSON.stringify(body),
      });
    },
  };
}

/** A valid event. */
export function event(over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { event_type: "custom", user_id: "u-1", game_id: "chess", ...over };
}

/** Runs `use` against the gateway on a free port of the loopback, and stops it. */
export async function serving(
  gateway: Pick<Gateway, "fetch">,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, gateway.fetch);
  try {
    await use(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

/** Waits until `condition` holds, at most 5 s. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited 5 s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
