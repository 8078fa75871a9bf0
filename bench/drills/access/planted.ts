/**
 * Events that somebody tried to send, each of a user whom nobody else has, and where they have landed:
 * read from the journal by SQL, and from the dead letters.
 *
 * @module
 */
import type postgres from "postgres";
import { partitionOf } from "../../../schema/partition.ts";
import { topicTable } from "../../../schema/topics.ts";
import type { Findings } from "../findings.ts";
import type { Site } from "../platform/site.ts";
import { type DoorRequest, doors } from "./doors.ts";
import { foreign } from "./tenants.ts";
import type { Home } from "./thieves.ts";

export const timeoutMs = 5_000;
const settledMs = 30_000;

/** A request that was sent, and where its event may land; `home` of `undefined`: nowhere. */
interface Sent {
  readonly what: string;
  readonly home: Home | undefined;
  /** It must have landed there, once. */
  readonly isControl: boolean;
}

/** The request that sends an event of `user`, or the status it got where it is no request of HTTP. */
type Way = (user: string) => DoorRequest | Promise<number>;

interface Row {
  readonly studio: string;
  readonly game_id: string;
  readonly user_id: string;
  readonly n: number;
}

interface LetterPage {
  readonly items: readonly { readonly id: string; readonly studio: string }[];
  readonly next_cursor: string | null;
}

const isAt = ({ studio, game }: Home, row: Row) =>
  studio === row.studio && (game === undefined || game === row.game_id);

/** Looks until it is so. @returns false: it never was */
export async function until(look: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + settledMs;
  while (!await look()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** Sends a request to the gateway. @returns the answer's status */
export async function sendTo(site: Site, request: DoorRequest): Promise<number> {
  const { path, method = "POST", headers = {}, body } = request;
  const response = await fetch(new URL(path, site.url), {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.body?.cancel();
  return response.status;
}

/** What of probes is counted, and noted as a leak. */
export class Tally {
  readonly probes: Record<string, number> = {};
  leaks = 0;

  constructor(readonly found: Findings) {}

  count(where: string): void {
    this.probes[where] = (this.probes[where] ?? 0) + 1;
  }

  leak(what: string): void {
    this.leaks++;
    this.found.require(false, what);
  }
}

export class Planted {
  /** In all names of this run. */
  readonly mark: string = crypto.randomUUID().slice(0, 8);
  readonly #sent = new Map<string, Sent>();

  constructor(readonly site: Site, readonly sql: postgres.Sql, readonly tally: Tally) {}

  async #plant(sent: Sent, send: Way): Promise<number> {
    const user = `u-${this.mark}-${this.#sent.size}`;
    this.#sent.set(user, sent);
    const request = await send(user);
    const status = typeof request === "number" ? request : await sendTo(this.site, request);
    // What was turned away for another reason has tried nothing.
    const isTried = status > 0 && status < 500 && status !== 404 && status !== 405 &&
      status !== 429;
    this.tally.found.require(isTried, `every probe is judged: ${sent.what}: ${status}`);
    return status;
  }

  /** Who may not write is told so; who may write elsewhere may be answered anything. */
  async probe(
    where: string,
    what: string,
    home: Home | undefined,
    send: Way,
  ): Promise<void> {
    this.tally.count(where);
    const status = await this.#plant({ what, home, isControl: false }, send);
    const isRefused = status === 401 || status === 403;
    if (home === undefined && !isRefused) this.tally.leak(`is refused: ${what}: ${status}`);
  }

  /** What must be taken. @param home `undefined`: it holds no event */
  async control(what: string, home: Home | undefined, send: Way): Promise<void> {
    this.tally.count("controls");
    const status = await this.#plant({ what, home, isControl: home !== undefined }, send);
    this.tally.found.require(status < 300, `what is right is taken: ${what}: ${status}`);
  }

  /** Waits for a last event of each partition: what was sent before it is in the journal then. */
  async #settled(write: string): Promise<void> {
    const { partitions } = topicTable()["player.events.raw"];
    const fences = new Map<number, string>();
    for (let i = 0; fences.size < partitions; i++) {
      const user = `fence-${this.mark}-${i}`;
      fences.set(partitionOf(`${foreign}/${user}`, partitions), user);
    }
    const users = [...fences.values()];
    for (const user of users) await sendTo(this.site, doors[0]!.request(write, user));
    const isSettled = await until(async () => {
      const [row] = await this.sql<{ n: number }[]>`
        select count(distinct user_id)::int as n from player_events where user_id = any(${users})`;
      return row!.n === users.length;
    });
    this.tally.found.require(isSettled, "the journal has all that was sent");
  }

  /** Looks up in the journal where each event has landed. @param write a key of the foreign game */
  async landed(write: string): Promise<void> {
    await this.#settled(write);
    const rows = await this.sql<Row[]>`
      select studio, game_id, user_id, count(*)::int as n from player_events
      where not internal and user_id like ${`u-${this.mark}-%`}
      group by studio, game_id, user_id`;
    const times = new Map<string, number>();
    for (const row of rows) {
      const { what, home } = this.#sent.get(row.user_id)!;
      times.set(row.user_id, (times.get(row.user_id) ?? 0) + row.n);
      if (home !== undefined && isAt(home, row)) continue;
      this.tally.leak(`lands at home or nowhere: ${what}: ${row.studio}/${row.game_id}`);
    }
    const { found } = this.tally;
    let atHome = 0;
    for (const [user, { what, isControl }] of this.#sent) {
      const n = times.get(user) ?? 0;
      if (isControl) found.require(n === 1, `a control lands once: ${what}: ${n}`);
      else if (n > 0) atHome++;
    }
    found.count("landed_at_home", atHome);
    found.require(atHome >= 20, `others can write where they may: ${atHome} events`);
  }

  async #admin<T>(path: string): Promise<T> {
    const headers = { authorization: `Bearer ${this.site.adminToken}` };
    const response = await fetch(new URL(path, this.site.adminUrl), { headers });
    return await response.json();
  }

  /** Dead letters belong to the studio of whoever sent them. @returns how many of ours there are */
  async deadLetters(): Promise<number> {
    let letters = 0;
    for (let cursor: string | null = ""; cursor !== null;) {
      const from: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: LetterPage = await this.#admin(`/admin/dlq?limit=100${from}`);
      for (const { id, studio } of page.items) {
        const letter = await this.#admin<{ payload: string }>(`/admin/dlq/${id}`);
        const user = /u-[0-9a-f]{8}-\d+/.exec(letter.payload)?.[0];
        const sent = user === undefined ? undefined : this.#sent.get(user);
        if (sent === undefined) continue;
        letters++;
        if (sent.home?.studio === studio) continue;
        this.tally.leak(`dead letters stay at home: ${sent.what}: ${studio}`);
      }
      cursor = page.next_cursor;
    }
    return letters;
  }
}
