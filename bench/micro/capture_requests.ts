/**
 * What the gateway costs by itself: `POST /api/v1/events` through `app.fetch`, over a platform that
 * keeps nothing, with and without limits or the access log, one after the other in pairs.
 *
 * `deno run -A bench/micro/capture_requests.ts`
 *
 * @module
 */
import { demoKeys } from "../../gateway/auth.ts";
import { createGateway, type GatewayOptions } from "../../gateway/gateway.ts";
import { AccessLog } from "../../gateway/http/access_log.ts";
import { RateLimits } from "../../gateway/limits/rate_limits.ts";
import { Shedder } from "../../gateway/limits/shedder.ts";
import { InMemoryPlatform } from "../../gateway/testing/in_memory_platform.ts";
import { MemoryRateLimiter } from "../../supervisor/cache/memory/memory_rate_limiter.ts";
import { print } from "../cli/print.ts";

const pairs = 15;
const key = "bench-key";

const event = (n: number) => ({
  event_id: `0190a3c2-7c1e-7000-8000-${String(n).padStart(12, "0")}`,
  event_type: "level.complete",
  user_id: `u-${n % 1000}`,
  game_id: "g",
  timestamp: new Date().toISOString(),
  properties: { level: 3, score: 1200 },
  context: { platform: "ios", app_version: "1.4.2", country: "DE" },
});

function gatewayWith(options: Partial<GatewayOptions>) {
  const platform = new InMemoryPlatform();
  platform.accept = () => Promise.resolve();
  return createGateway({ platform, keys: demoKeys(key), ...options });
}

/** Milliseconds that `requests` take, 64 at a time. */
async function timed(
  { fetch }: ReturnType<typeof gatewayWith>,
  body: string,
  requests: number,
): Promise<number> {
  const headers = {
    authorization: `Bearer ${key}`,
    "content-type": "application/json",
    "content-length": String(body.length),
  };
  const info = { remoteAddr: { hostname: "127.0.0.1" } };
  const startedAt = performance.now();
  for (let sent = 0; sent < requests; sent += 64) {
    await Promise.all(Array.from({ length: 64 }, async () => {
      const request = new Request("http://h/api/v1/events", { method: "POST", headers, body });
      const response = await fetch(request, info);
      if (response.status !== 202) throw new Error(`Answered ${response.status}`);
    }));
  }
  return performance.now() - startedAt;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

/** What stands between a request and its handler besides: limits, or the access log with HSTS. */
function variants(): Record<string, Partial<GatewayOptions>> {
  const rate = 1e9;
  const silent = { info() {}, warn() {} };
  const limits = {
    rates: new RateLimits(new MemoryRateLimiter({ now: Date.now }), {
      key: rate,
      user: rate,
      address: rate,
      global: rate,
    }),
    shedder: new Shedder({ lag: () => undefined }),
  };
  const accessLog = new AccessLog({ mode: "errors", log: silent });
  return { limits, "access log": { accessLog, hstsSeconds: 300 } };
}

async function compare(
  name: string,
  variant: string,
  body: string,
  requests: number,
): Promise<void> {
  const plain = gatewayWith({});
  const limited = gatewayWith(variants()[variant]!);
  await timed(plain, body, requests);
  await timed(limited, body, requests);
  const ratios: number[] = [];
  const costs: number[] = [];
  for (let i = 0; i < pairs; i++) {
    const first = i % 2 === 0 ? plain : limited;
    const second = first === plain ? limited : plain;
    const [a, b] = [await timed(first, body, requests), await timed(second, body, requests)];
    ratios.push(first === plain ? b / a : a / b);
    costs.push(1000 * (first === plain ? a : b) / requests);
  }
  print(
    `${name}: ${variant} on / off ${median(ratios).toFixed(3)} (median of ${pairs} pairs), ` +
      `${median(costs).toFixed(1)} µs a request without`,
  );
}

for (const variant of Object.keys(variants())) {
  await compare("one event", variant, JSON.stringify(event(1)), 6_400);
  const batch = Array.from({ length: 100 }, (_, n) => event(n));
  await compare("batch of 100", variant, JSON.stringify(batch), 640);
}
