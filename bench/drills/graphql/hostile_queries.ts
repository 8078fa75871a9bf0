/**
 * Drill 26: GraphQL documents made to hurt, over HTTP and WebSocket. Each is refused before anything
 * is executed, at once, without a query of the store and without a word of the insides; honest
 * clients are answered in between.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Histogram } from "../../load/client/histogram.ts";
import { metricsOf } from "../cluster/looks.ts";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import { type Attack, attacks } from "./attacks.ts";
import { GraphqlSocket } from "./graphql_socket.ts";

const refusedMsMax = 20;
/** A single attack may meet a bad moment of the machine, as an honest question may. */
const timesHonestMax = 2;
const rounds = { quick: 5, full: 25 } as const;
const users = 50;
/** Shards that poll, and once more of them in a window of time than in another as long. */
const pollsAtEdges = 24;
/** What no client may read: paths, stacks, names of what we are made of. */
const insides = /file:|node_modules|npm:|\.[jt]s\b|\bat \S+ \(|postgres|SyntaxError|RangeError/i;

const honest = { query: `{ player(id: "u-0") { id eventsTotal } }` };

interface Statements {
  readonly pages: number;
  readonly reads: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

class HostileQueries {
  readonly found = new Findings();
  readonly honest = new Histogram();
  /** By transport and attack, in the order they were made. */
  readonly refused: { readonly name: string; readonly ms: number }[] = [];
  #socket: GraphqlSocket | undefined;

  constructor(readonly site: Site, readonly ctx: OwnContext) {}

  async #post(body: unknown): Promise<Answer> {
    const response = await fetch(new URL("/graphql", this.site.url), {
      method: "POST",
      headers: { authorization: `Bearer ${this.site.key}`, "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, text: await response.text() };
  }

  async #open(): Promise<GraphqlSocket> {
    if (!this.#socket?.isOpen) {
      this.#socket = await GraphqlSocket.open(this.site.url, this.site.key);
    }
    return this.#socket;
  }

  /** Players to ask for; live, and in the store. */
  async seed(platform: PlatformProcess): Promise<void> {
    const events = Array.from({ length: users }, (_, i) => ({
      event_type: "custom",
      user_id: `u-${i}`,
      game_id: "drill-graphql",
    }));
    const response = await fetch(new URL("/api/v1/events", this.site.url), {
      method: "POST",
      headers: { authorization: `Bearer ${this.site.key}` },
      body: JSON.stringify(events),
    });
    await response.body?.cancel();
    const page = { query: `{ events(first: ${users}) { edges { cursor } } }` };
    await platform.until("all events are in the store", 15_000, async () => {
      const { text } = await this.#post(page);
      return text.split("cursor").length > users ? true : undefined;
    });
  }

  /**
   * Statements that have read the store until now: pages of events, and all others, among which are
   * the shards' polls for timers, which come whether anybody asks or not.
   */
  async #statements(): Promise<Statements> {
    let pages = 0;
    let reads = 0;
    for (const [name, value] of await metricsOf(this.site)) {
      const pool = /^store_statement_seconds_count\{.*pool="(read|events|replica)"/.exec(name)?.[1];
      if (pool === "read") reads += value;
      else if (pool !== undefined) pages += value;
    }
    return { pages, reads };
  }

  /** What `work` costs the store. */
  async #cost(work: () => Promise<void>): Promise<Statements & { readonly ms: number }> {
    const startedAt = performance.now();
    const before = await this.#statements();
    await work();
    const { pages, reads } = await this.#statements();
    return {
      pages: pages - before.pages,
      reads: reads - before.reads,
      ms: performance.now() - startedAt,
    };
  }

  #judge(where: string, { name, codes }: Attack, text: string): void {
    let answer: { data?: unknown; errors?: { extensions?: { code?: string } }[]; code?: string };
    try {
      answer = JSON.parse(text);
    } catch {
      answer = {};
    }
    const seen = answer.errors?.[0]?.extensions?.code ?? answer.code;
    const isRefused = !answer.data && (codes.includes(String(seen)) || seen === "too_large");
    const shown = text.slice(0, 160);
    this.found.require(isRefused, `${where}: ${name} must be refused as ${codes}: ${shown}`);
    const leak = insides.exec(text);
    this.found.require(leak === null, `${where}: ${name} tells of the insides: ${leak?.[0]}`);
  }

  async #attackHttp(attack: Attack): Promise<void> {
    const startedAt = performance.now();
    const { status, text } = await this.#post(attack.body);
    this.refused.push({ name: `http: ${attack.name}`, ms: performance.now() - startedAt });
    this.#judge("http", attack, text);
    const expected = attack.status ?? [200];
    this.found.require(expected.includes(status), `http: ${attack.name}: status ${status}`);
  }

  async #attackSocket(attack: Attack): Promise<void> {
    const socket = await this.#open();
    const startedAt = performance.now();
    const { type, text, code } = await socket.ask(attack.body);
    this.refused.push({ name: `ws: ${attack.name}`, ms: performance.now() - startedAt });
    if (attack.close !== undefined) {
      const seen = `${type} ${code}`;
      const isClosed = code === attack.close;
      this.found.require(isClosed, `ws: ${attack.name} must close with ${attack.close}: ${seen}`);
      return;
    }
    // The errors of a message are its payload.
    const { payload } = JSON.parse(text || "{}");
    const told = type === "error" ? { errors: payload } : payload;
    this.#judge("ws", attack, JSON.stringify(told ?? {}));
    this.found.require(type === "error", `ws: ${attack.name} must be an error: ${type} ${code}`);
  }

  /** The simplest question, by both ways: how fast this machine answers at all. */
  async #honest(after: string): Promise<void> {
    const socket = await this.#open();
    for (const ask of [async () => await this.#post(honest), () => socket.ask(honest)]) {
      const startedAt = performance.now();
      const { text } = await ask();
      this.honest.record(performance.now() - startedAt);
      this.found.require(
        text.includes(`"eventsTotal":1`),
        `an honest client after ${after}: ${text}`,
      );
    }
  }

  async #round(print: boolean): Promise<void> {
    for (const attack of attacks) {
      if (print) this.ctx.print(attack.name);
      await this.#honest(attack.name);
      await this.#attackHttp(attack);
      await this.#attackSocket(attack);
    }
  }

  async run(): Promise<DrillResult> {
    const { found } = this;
    // What runs for the first time is slow.
    for (let i = 0; i < 2; i++) await this.#round(i === 0);
    for (let i = 0; i < 100; i++) await this.#honest("nothing");
    this.refused.length = 0;
    const made = this.ctx.quick ? rounds.quick : rounds.full;
    const under = await this.#cost(async () => {
      for (let i = 0; i < made; i++) await this.#round(false);
    });
    const calm = await this.#cost(() => sleep(under.ms));
    await this.#control();
    this.#socket?.close();
    const attempts = attacks.length * 2 * made;
    found.require(this.refused.length === attempts, `${attempts} attacks: ${this.refused.length}`);
    found.require(under.pages === 0, `no page is read from the store: ${under.pages}`);
    const reads = under.reads - calm.reads;
    found.require(reads <= pollsAtEdges, `no query of the store beyond its polls: ${reads}`);
    this.#judgeTimes();
    found.count("attacks", attempts);
    found.count("pages_read", under.pages);
    found.count("statements_beyond_polls", reads);
    found.count("polls", calm.reads);
    found.count("honest_answers", this.honest.count);
    return found.result();
  }

  /** Each attack's usual time against the bar; its worst against honest clients' worst, too. */
  #judgeTimes(): void {
    const { found, refused } = this;
    const honestMax = this.honest.quantile(1);
    const worstMax = Math.max(refusedMsMax, timesHonestMax * honestMax);
    for (const [name, of] of Map.groupBy(refused, ({ name }) => name)) {
      const times = of.map(({ ms }) => ms).sort((a, b) => a - b);
      const usual = times[Math.floor(times.length / 2)]!;
      const worst = times.at(-1)!;
      found.require(
        usual <= refusedMsMax && worst <= worstMax,
        `${name} was refused after ${usual.toFixed(1)} of ${refusedMsMax} ms, at worst after ${
          worst.toFixed(1)
        } of ${worstMax.toFixed(1)} ms`,
      );
      found.atLeast("refused_usual_ms_max", usual);
      found.atLeast("refused_slowest_ms", worst);
    }
    const times = refused.map(({ ms }) => ms).sort((a, b) => a - b);
    found.count("refused_p50_ms", times[Math.floor(times.length / 2)] ?? 0);
    found.count("refused_p99_ms", times[Math.floor(times.length * 0.99)] ?? 0);
    found.count("honest_p99_ms", this.honest.quantile(0.99));
    found.count("honest_slowest_ms", honestMax);
  }

  /** What counts statements must see those that honest questions cost. */
  async #control(): Promise<void> {
    const past = Array.from(
      { length: pollsAtEdges * 2 },
      (_, i) =>
        `{ player(id: "u-${i % users}", asOf: "2026-01-01T00:00:${
          String(i).padStart(2, "0")
        }Z") { id } }`,
    );
    const spent = await this.#cost(async () => {
      await this.#post({ query: `{ events(first: 1) { edges { cursor } } }` });
      for (const query of past) await this.#post({ query });
    });
    this.found.require(spent.pages === 1, `an honest page is counted: ${spent.pages}`);
    this.found.require(spent.reads >= past.length, `honest reads are counted: ${spent.reads}`);
    this.found.count("control_statements", spent.pages + spent.reads);
  }
}

export const hostileQueries: OwnDrill = {
  id: "26",
  name: "hostile-queries",
  mutations: { unbounded: /(aliases|depth 50|full pages).* must be refused as TOO_COMPLEX/ },
  async run(ctx) {
    const site = new Site(`${ctx.dir}/site`);
    try {
      const platform = site.start({ boundsGraphql: ctx.mutation !== "unbounded" });
      await platform.ready();
      const drill = new HostileQueries(site, ctx);
      await drill.seed(platform);
      return await drill.run();
    } finally {
      await site.clear();
    }
  },
};
