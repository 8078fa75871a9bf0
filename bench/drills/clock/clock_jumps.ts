/**
 * Drill 17: the machine's clock jumps an hour ahead and an hour back, and clients claim to live ten
 * years ago or ahead. Windows go by event time, what is out of range is refused, and timers fire when
 * they are due.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { DAY_MS, limits } from "../../../schema/limits.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import { seedText } from "../../load/generator/population.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import type { StartOptions } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";

const hourMs = 3_600_000;
const gameId = "clock";
const timerLateMsMax = 1_000;
/** From the start of the platform to the first timer. */
const dueInMs = 8_000;
const settleMsMax = 10_000;
const timerlessPlayer = new URL("../fixtures/timerless_player.ts", import.meta.url);
const arrivalPlayer = new URL("../fixtures/arrival_player.ts", import.meta.url);

const dayText = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** Sends events at claimed times, and remembers on which days they count. */
class Client {
  readonly days = new Map<string, number>();
  #sent = 0;

  get lastId(): string {
    return `${this.prefix}-${this.#sent - 1}`;
  }

  constructor(readonly site: Site, readonly prefix: string) {}

  /** @returns the codes of those that were refused */
  async send(times: readonly number[]): Promise<string[]> {
    const events = times.map((timestamp) => ({
      event_id: `${this.prefix}-${this.#sent}`,
      event_type: "level.start",
      user_id: `${this.prefix}-${this.#sent++}`,
      game_id: gameId,
      session_id: "s",
      timestamp: new Date(timestamp).toISOString(),
    }));
    const connection = new HttpConnection(this.site.target);
    const { status, body } = await connection.send(JSON.stringify(events));
    connection.close();
    const answer = JSON.parse(body) as { rejected?: { index: number; code: string }[] };
    const rejected = new Map((answer.rejected ?? []).map(({ index, code }) => [index, code]));
    if (status !== 202 && rejected.size === 0) throw new Error(`Not sent: ${status} ${body}`);
    times.forEach((time, index) => {
      if (rejected.has(index)) return;
      this.days.set(dayText(time), (this.days.get(dayText(time)) ?? 0) + 1);
    });
    return [...rejected.values()];
  }
}

const textOf = (days: ReadonlyMap<string, number>) =>
  [...days].sort(([a], [b]) => a < b ? -1 : 1).map(([day, n]) => `${day}=${n}`).join(" ");

/** Waits until each day has the events it should. @returns what the days have in the end */
async function settledDays(sql: postgres.Sql, wanted: string): Promise<string> {
  for (const end = performance.now() + settleMsMax;;) {
    const rows = await sql<{ day: string; events: number }[]>`
      select to_char(day, 'YYYY-MM-DD') as day, events::float8 as events from game_days
      where game_id = ${gameId} and events > 0`;
    const seen = textOf(new Map(rows.map(({ day, events }) => [day, events])));
    if (seen === wanted || performance.now() > end) return seen;
    await sleep(50);
  }
}

/** Timers in the journal, and by how much they were late or early, milliseconds. */
async function firedTimers(sql: postgres.Sql, wanted: number) {
  for (const end = performance.now() + dueInMs + settleMsMax;;) {
    const [row] = await sql<{ n: number; late: number; early: number }[]>`
      select count(*)::int as n,
        coalesce(max(extract(epoch from received_at - "timestamp") * 1000), 0)::float8 as late,
        coalesce(max(extract(epoch from "timestamp" - received_at) * 1000), 0)::float8 as early
      from player_events where internal`;
    if (row!.n >= wanted || performance.now() > end) return row!;
    await sleep(50);
  }
}

/** Every session ends by its timer, when it is due. */
async function requireTimers(findings: Findings, own: postgres.Sql, sessions: number) {
  const { n, late, early } = await firedTimers(own, sessions);
  findings.count("timers_fired", n);
  findings.count("timer_late_max_ms", late);
  findings.require(n === sessions, `${sessions} timers fired: ${n}`);
  findings.require(late <= timerLateMsMax, `late by ≤ ${timerLateMsMax} ms: ${late}`);
  findings.require(early <= 0, `none fired early: ${early} ms`);
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const site = new Site(`${ctx.dir}/site`);
  const client = new Client(site, `c-${seedText(ctx.seed)}`);
  const options: StartOptions = ctx.mutation === "no-timers"
    ? { playerStage: timerlessPlayer }
    : ctx.mutation === "arrival-time"
    ? { playerStage: arrivalPlayer }
    : {};
  let sql: postgres.Sql | undefined;
  /** Runs a platform whose clock is off by so much; then everything is killed. */
  const withClock = async (clockOffsetMs: number, body: (sql: postgres.Sql) => Promise<void>) => {
    const platform = site.start({ ...options, clockOffsetMs });
    const { store_url } = await platform.ready();
    const own = sql = postgres(store_url, { max: 1, onnotice: () => {} });
    await body(own);
    await own.end({ timeout: 1 });
    await site.killAll();
  };
  const requireDays = async (own: postgres.Sql, when: string) => {
    const wanted = textOf(client.days);
    const seen = await settledDays(own, wanted);
    findings.require(seen === wanted, `events count on their own day, ${when}: ${wanted}: ${seen}`);
  };
  try {
    const now = Date.now();
    const sentAt = now;
    await withClock(0, async (own) => {
      const refused = await client.send([now - 3650 * DAY_MS, now + 3650 * DAY_MS]);
      findings.count("refused", refused.length);
      const codes = refused.join();
      const isRange = codes === "timestamp_too_old,timestamp_in_future";
      findings.require(isRange, `ten years away is out of range: ${codes}`);
      const days = Array.from({ length: 29 }, (_, day) => now - day * DAY_MS);
      const accepted = await client.send([...days, now + 23 * hourMs]);
      findings.require(accepted.length === 0, `times in range are taken: ${accepted}`);
      await requireDays(own, "clock right");
    });
    const sessions = [...client.days.values()].reduce((a, b) => a + b, 0);
    const offset = limits.sessionSilenceMs - (Date.now() - sentAt) - dueInMs;
    await withClock(offset, (own) => requireTimers(findings, own, sessions));
    let aheadMs = 0;
    for (const clockOffsetMs of [hourMs, -hourMs]) {
      const when = `clock ${clockOffsetMs / hourMs} h off`;
      await withClock(clockOffsetMs, async (own) => {
        const times = [Date.now(), Date.now() - 3 * DAY_MS, Date.now() - 20 * DAY_MS];
        const refused = await client.send(times);
        findings.require(refused.length === 0, `events are taken, ${when}: ${refused}`);
        await requireDays(own, when);
        const [row] = await own<{ off: number }[]>`
          select (extract(epoch from max(received_at)) * 1000 - ${Date.now()})::float8 as off
          from player_events where event_id = ${client.lastId}`;
        findings.count(clockOffsetMs > 0 ? "ahead_ms" : "back_ms", row!.off);
        if (clockOffsetMs > 0) {
          aheadMs = row!.off;
          findings.require(aheadMs > hourMs - 60_000, `the clock was ahead: ${aheadMs} ms`);
        } else {
          // Arrival never runs back: it stands still until the clock has caught up.
          const isBack = row!.off < aheadMs - 500;
          findings.require(isBack, `the clock was set back: ${row!.off} ms, before ${aheadMs}`);
        }
      });
    }
    findings.count("days", client.days.size);
    return findings.result();
  } finally {
    await sql?.end({ timeout: 1 }).catch(() => {});
    await site.clear();
  }
}

export const clockJumps: OwnDrill = {
  id: "17",
  name: "clock-jumps",
  mutations: {
    "no-timers": /timers fired: 0/,
    "arrival-time": /events count on their own day, clock right/,
  },
  run,
};
