/**
 * A client that sends at its own rate, whatever it is answered: what an overload is made of. It tells
 * how late it was itself, as what it measures is worth no more than that.
 *
 * @module
 */
import process from "node:process";
import { edgeLimits } from "../../../schema/net/edge_limits.ts";
import { Histogram, type Quantiles } from "../../load/client/histogram.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";

/** What a client is to do. */
export interface ClientPlan {
  readonly url: string;
  readonly key: string;
  /** Over all connections. */
  readonly requestsPerSecond: number;
  readonly ms: number;
  /** A request that is due while all of them wait is left out. */
  readonly connectionsMax: number;
}

/** What came of it. Durations are counted from when a request was sent, in milliseconds. */
export interface ClientReport {
  readonly seconds: number;
  readonly sent: number;
  /** Requests that were due while all connections waited for answers. */
  readonly leftOut: number;
  readonly accepted: Quantiles;
  readonly refused: Quantiles;
  /** Requests that were answered neither way, or not at all. */
  readonly failed: number;
  /** What became of those: a status, or an error's name. */
  readonly failures: Readonly<Record<string, number>>;
  /** Refusals that did not say when to come back. */
  readonly unsaid: number;
  /** By how much requests were sent later than they were due. */
  readonly late: Quantiles;
  /** Processor time a second. */
  readonly cores: number;
}

/** Well below what the platform lets a connection rest. */
const restMsMax = edgeLimits.idleMs / 2;

/** Events of a request. */
export const batchEvents = 50;

/** Made once: the generator's own work must not be what is measured. The ids are the gateway's. */
const bodies = Array.from(
  { length: 100 },
  (_, n) =>
    JSON.stringify(Array.from({ length: batchEvents }, (_, i) => ({
      event_type: "overload",
      user_id: `u-${n * batchEvents + i}`,
      game_id: "drill-overload",
      properties: { level: i, score: n },
    }))),
);

class OpenClient {
  readonly #idle: { readonly connection: HttpConnection; readonly since: number }[] = [];
  readonly #accepted = new Histogram();
  readonly #refused = new Histogram();
  readonly #late = new Histogram();
  readonly #open = new Set<Promise<void>>();
  readonly #failures: Record<string, number> = {};
  #connections = 0;
  #counts = { sent: 0, leftOut: 0, failed: 0, unsaid: 0 };

  constructor(readonly plan: ClientPlan) {}

  async run(): Promise<ClientReport> {
    const { requestsPerSecond, ms } = this.plan;
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    for (let n = 0;; n++) {
      const dueAt = startedAt + 1000 * n / requestsPerSecond;
      if (dueAt - startedAt >= ms) break;
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      this.#late.record(performance.now() - dueAt);
      this.#send(bodies[n % bodies.length]!);
    }
    await Promise.all(this.#open);
    for (const { connection } of this.#idle) connection.close();
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return {
      ...this.#counts,
      failures: this.#failures,
      seconds,
      accepted: this.#accepted.quantiles(),
      refused: this.#refused.quantiles(),
      late: this.#late.quantiles(),
      cores: (user + system) / 1e6 / seconds,
    };
  }

  #send(body: string): void {
    const connection = this.#rested() ?? this.#another();
    if (connection === undefined) {
      this.#counts.leftOut++;
      return;
    }
    this.#counts.sent++;
    const exchange = this.#exchange(connection, body).then(() => {
      this.#idle.push({ connection, since: performance.now() });
      this.#open.delete(exchange);
    });
    this.#open.add(exchange);
  }

  /** One that has rested for long is opened anew: the platform may be closing it right now. */
  #rested(): HttpConnection | undefined {
    const rested = this.#idle.pop();
    if (rested !== undefined && performance.now() - rested.since > restMsMax) {
      rested.connection.close();
    }
    return rested?.connection;
  }

  #another(): HttpConnection | undefined {
    const { url, key, connectionsMax } = this.plan;
    if (this.#connections >= connectionsMax) return undefined;
    this.#connections++;
    return new HttpConnection({ url: new URL(url), key });
  }

  async #exchange(connection: HttpConnection, body: string): Promise<void> {
    const sentAt = performance.now();
    try {
      const { status, retryAfterMs } = await connection.send(body);
      const tookMs = performance.now() - sentAt;
      if (status === 202) this.#accepted.record(tookMs);
      else if (status === 503 || status === 429) {
        this.#refused.record(tookMs);
        if (retryAfterMs === undefined) this.#counts.unsaid++;
      } else this.#fail(String(status));
    } catch (error) {
      this.#fail(error instanceof Error ? error.name : String(error));
    }
  }

  #fail(how: string): void {
    this.#counts.failed++;
    this.#failures[how] = (this.#failures[how] ?? 0) + 1;
  }
}

/** Runs in a process of its own, with the plan as its argument; the report is what it prints. */
if (import.meta.main) {
  const report = await new OpenClient(JSON.parse(Deno.args[0]!) as ClientPlan).run();
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(report)));
}

const program = new URL(import.meta.url);

/** Runs a client in a process of its own. @throws {Error} it did not end well */
export async function runClient(plan: ClientPlan): Promise<ClientReport> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", program.pathname, JSON.stringify(plan)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(success ? stdout : stderr);
  if (!success) throw new Error(`The client ended badly: ${text}`);
  return JSON.parse(text) as ClientReport;
}
