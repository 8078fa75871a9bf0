/**
 * Real export: a node as a process of its own, whose runtime sends its spans to a collector here.
 */
import assert from "node:assert/strict";
import { isTraceparent } from "./traceparent.ts";
import { currentTraceparent, startSend, withRemoteParent } from "./trace.ts";
import { type CollectedSpan, startCollector } from "./testing/otlp_collector.ts";

const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const another = "00-1af7651916cd43dd8448eb211c80319d-c7ad6b7169203332-01";
const unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const main = new URL("../main.ts", import.meta.url).pathname;
const patienceMs = 90_000;

async function startNode(endpoint: string) {
  const dataDir = await Deno.makeTempDir({ prefix: "gamemetrics-traced-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main],
    env: {
      NO_COLOR: "1",
      OTEL_DENO: "true",
      OTEL_TRACES_SAMPLER: "parentbased_always_off",
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "200",
      DATA_DIR: dataDir,
      PORT: "0",
      ADMIN_PORT: "0",
      DEMO_KEY: "demo",
      LOG_URL: "",
      STORE_URL: "",
      CACHE_URL: "",
    },
    stdout: "null",
    stderr: "null",
  }).spawn();
  const info = await until("the node to start", async () => {
    const text = await Deno.readTextFile(`${dataDir}/run.json`).catch(() => undefined);
    return text === undefined ? undefined : JSON.parse(text) as { url: string };
  });
  return {
    url: info.url,
    async stop() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

/** The first value that is not `undefined`. */
async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>) {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited in vain for ${what}`);
}

async function post(url: string, user: string, traceparent?: string): Promise<void> {
  const event = { event_type: "level.start", user_id: user, game_id: "g" };
  const response = await fetch(`${url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: "Bearer demo", ...(traceparent ? { traceparent } : {}) },
    body: JSON.stringify(event),
  });
  assert.equal(response.status, 202, await response.text());
}

async function ask(url: string, query: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { authorization: "Bearer demo", "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return (await response.json()).data ?? {};
}

/** From each span one comes up to the one that the client named. */
function assertConnected(spans: readonly CollectedSpan[], traceparent: string): void {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  for (const span of spans) {
    let at: CollectedSpan | undefined = span;
    while (at.parentSpanId !== traceparent.slice(36, 52)) {
      at = byId.get(at.parentSpanId);
      assert.ok(at !== undefined, `${span.name} hangs in the air`);
    }
  }
}

Deno.test("a sampled POST is one connected trace through log, shards, store and subscriber; others are none", async () => {
  await using collector = startCollector();
  const node = await startNode(collector.url);
  const stop = new AbortController();
  try {
    const stream = await fetch(
      `${node.url}/graphql?query=${
        encodeURIComponent('subscription { playerUpdated(id: "ann") { id } }')
      }`,
      {
        headers: { authorization: "Bearer demo", accept: "text/event-stream" },
        signal: stop.signal,
      },
    );
    const updates = stream.body!.getReader();
    void (async () => {
      while (!(await updates.read()).done);
    })().catch(() => {});
    await post(node.url, "bob", unsampled);
    await post(node.url, "carl");
    await Promise.all([post(node.url, "ann", sampled), post(node.url, "dora", another)]);
    await until("all to be counted", async () => {
      const data = await ask(node.url, `{ game(id: "g") { eventsTotal } }`);
      return (data.game as { eventsTotal: number } | null)?.eventsTotal === 4 ? true : undefined;
    });
    const names = [
      "POST",
      "send player.events.raw",
      "process player.events.raw",
      "commit_batch",
      "send game.deltas",
      "process game.deltas",
      "send actor",
    ];
    const traceId = sampled.slice(3, 35);
    const spans = await until("the spans", () => {
      const found = collector.spans.filter((span) => span.traceId === traceId);
      return names.every((name) => found.some((span) => span.name === name)) ? found : undefined;
    });
    assertConnected(spans, sampled);
    const commit = spans.find((span) => span.name === "commit_batch")!;
    assert.equal(commit.attributes["db.system.name"], "postgresql");
    const apply = spans.find((span) => span.spanId === commit.parentSpanId)!;
    assert.equal(apply.name, "process player.events.raw");
    const request = spans.find((span) => span.name === "POST")!;
    assert.equal(request.attributes["http.route"], "/api/v1/events");
    // The other one that was asked for, in the same batch or not, has a whole way to the store.
    const anotherId = another.slice(3, 35);
    const others = await until("the other trace's commit", () => {
      const found = collector.spans.filter((span) => span.traceId === anotherId);
      return found.some((span) => span.name === "commit_batch") ? found : undefined;
    });
    assertConnected(others, another);
    const asked = [traceId, anotherId];
    assert.deepEqual(collector.spans.filter((span) => !asked.includes(span.traceId)), []);
  } finally {
    stop.abort();
    await node.stop();
  }
});

Deno.test("without the runtime's tracing there is no span and no traceparent", () => {
  const seen = withRemoteParent(sampled, () => currentTraceparent());
  assert.equal(seen, undefined);
  assert.equal(startSend("player.events.raw", 1, sampled), undefined);
  assert.ok(isTraceparent(sampled) && isTraceparent(unsampled));
});
