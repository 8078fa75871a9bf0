/**
 * Drill 32: SIGTERM under load. Whoever has begun a request gets its answer, the process ends in
 * order and in time, and nothing that was acknowledged is missing afterwards. A second SIGTERM, for
 * whoever cannot wait, ends it at once.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { Socket } from "../load/client/socket.ts";
import { seedText } from "../load/generator/population.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { startEarlyAckProxy } from "./platform/early_ack_proxy.ts";
import { requireLoaded, startLoad, verify } from "./platform/load.ts";
import { Site } from "./platform/site.ts";

const exitMsMax = 10_000;
const secondExitMsMax = 1_000;
/** How long after the signal their bodies arrive. */
const bodyMs = 500;
/** Requests that have begun when the signal comes. */
const begun = 20;

/** A request of which only a part has been sent, and which the platform has begun to read. */
class BegunRequest {
  private constructor(
    readonly id: string,
    readonly socket: Socket,
    readonly rest: string,
  ) {}

  static async begin(site: Site, id: string): Promise<BegunRequest> {
    const event = { event_id: id, event_type: "probe", user_id: id, game_id: "drill-drain" };
    const body = JSON.stringify(event);
    const socket = await Socket.connect(new URL(site.url));
    await socket.send(
      `POST /api/v1/events HTTP/1.1\r\nHost: drill\r\nAuthorization: Bearer ${site.key}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
        "Expect: 100-continue\r\n\r\n",
    );
    // Sent when the platform asks for the body: from here on it owes an answer.
    const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
    while (socket.received.length < goOn.length) await socket.receive();
    const text = new TextDecoder().decode(socket.received);
    if (text !== goOn) throw new Error(`Cannot begin a request: ${text}`);
    socket.consume(goOn.length);
    await socket.send(body.slice(0, 10));
    return new BegunRequest(id, socket, body.slice(10));
  }

  /** Sends the rest. @returns the start of the answer; `""` when there was none */
  async finish(): Promise<string> {
    try {
      await this.socket.send(this.rest);
      for (;;) {
        await this.socket.receive();
        const text = new TextDecoder().decode(this.socket.received);
        if (/\r\n\r\n./.test(text)) return text.slice("HTTP/1.1 ".length, 500);
      }
    } catch {
      return "";
    } finally {
      this.socket.close();
    }
  }
}

function beginRequests(site: Site, prefix: string, count: number): Promise<BegunRequest[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => BegunRequest.begin(site, `${prefix}-${i}`)),
  );
}

/** How often each id is in the journal. */
async function countIds(storeUrl: string, ids: readonly string[]): Promise<Map<string, number>> {
  const sql = postgres(storeUrl, { max: 1 });
  const rows = await sql<{ event_id: string; n: number }[]>`
    select event_id, count(*)::int as n from player_events
    where event_id = any(${[...ids]}) group by 1`.finally(() => sql.end());
  return new Map(rows.map(({ event_id, n }) => [event_id, n]));
}

async function drainUnderLoad(ctx: OwnContext, findings: Findings): Promise<void> {
  const site = new Site(`${ctx.dir}/site`);
  const proxy = ctx.mutation === "early-ack" ? startEarlyAckProxy(site.url) : undefined;
  const form = ctx.quick ? { events: 20_000, seconds: 10 } : { events: 100_000, seconds: 25 };
  try {
    const first = site.start();
    await first.ready();
    const load = startLoad(site, {
      ...form,
      seed: ctx.seed,
      dir: ctx.dir,
      malformed: proxy === undefined ? 0.002 : 0,
      ...(proxy === undefined ? {} : { url: proxy.url }),
    });
    await sleep(form.seconds * 400);
    const requests = await beginRequests(site, `drain-${seedText(ctx.seed)}`, begun);
    const accepted = load.tally.accepted;
    findings.require(accepted > form.events / 10, `under load: ${accepted} accepted before`);
    first.signal("SIGTERM");
    const signalledAt = performance.now();
    // Their bodies arrive when it has long begun to stop.
    const answering = sleep(bodyMs)
      .then(() => Promise.all(requests.map((request) => request.finish())));
    const ended = await first.exited;
    const exitMs = ended.at - signalledAt;
    findings.count("exit_ms", exitMs);
    findings.require(ended.code === 0, `exit code 0: ${ended.code} ${ended.signal ?? ""}`);
    findings.require(exitMs <= exitMsMax, `ended within ${exitMsMax} ms: ${Math.round(exitMs)}`);
    const answers = await answering;
    const answered = answers.filter((answer) => /^(202|503) /.test(answer)).length;
    findings.count("begun_requests", begun);
    findings.count("begun_answered", answered);
    const other = answers.find((answer) => !/^(202|503) /.test(answer));
    findings.require(
      answered === begun,
      `${begun} begun requests answered 202 or 503: ${answered}, one is ${JSON.stringify(other)}`,
    );

    const second = site.start();
    const { store_url } = await second.ready();
    const report = await load.done;
    requireLoaded(findings, report, form.events * 0.99);
    findings.remark(`failed attempts: ${JSON.stringify(report.errors)}`);
    await verify(ctx, site, findings, { storeUrl: store_url, ...load.files });
    const acked = requests.filter((_, i) => answers[i]!.startsWith("202 ")).map(({ id }) => id);
    const counted = await countIds(store_url, requests.map(({ id }) => id));
    const wrong = acked.filter((id) => counted.get(id) !== 1);
    findings.require(wrong.length === 0, `begun and answered 202, counted once: ${wrong} are not`);
    const twice = [...counted].filter(([, n]) => n > 1);
    findings.require(twice.length === 0, `no begun request counted twice: ${twice}`);
  } finally {
    await proxy?.close();
    await site.clear();
  }
}

async function drainTwice(ctx: OwnContext, findings: Findings): Promise<void> {
  const site = new Site(`${ctx.dir}/twice`);
  try {
    const platform = site.start();
    await platform.ready();
    // Requests that never end keep the platform draining.
    const requests = await beginRequests(site, "twice", 1);
    platform.signal("SIGTERM");
    await sleep(300);
    findings.require(platform.isRunning, "it still drains at the second signal");
    const signalledAt = performance.now();
    if (ctx.mutation !== "one-signal") platform.signal("SIGTERM");
    const { at } = await platform.exited;
    findings.count("second_exit_ms", at - signalledAt);
    const isSoon = at - signalledAt <= secondExitMsMax;
    const seen = Math.round(at - signalledAt);
    findings.require(isSoon, `a second signal ends it within ${secondExitMsMax} ms: ${seen}`);
    for (const request of requests) request.socket.close();
  } finally {
    await site.clear();
  }
}

export const drain: OwnDrill = {
  id: "32",
  name: "drain",
  mutations: {
    "early-ack": /acknowledged event.* is in SQL: \d+ of/,
    "one-signal": /a second signal ends it/,
  },
  async run(ctx) {
    const findings = new Findings();
    await drainUnderLoad(ctx, findings);
    await drainTwice(ctx, findings);
    return findings.result();
  },
};
