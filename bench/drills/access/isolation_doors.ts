/**
 * Drill 35, second part: every way in for an event. Each capture protocol is tried with the key in
 * each place where it may stand, in the hands of everybody who must not write the game, and with
 * signatures that are not its own. Where an event has landed is read from the journal by SQL. The same
 * people try to link its players, to part them, and to read them by an alias; they listen at the game
 * while its own key writes, and knock at the admin port.
 *
 * @module
 */
import postgres from "postgres";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import type { StartOptions } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import { doors, forgeries, signedDoors } from "./doors.ts";
import { adminRoutes } from "./isolation.ts";
import { AliasReaders } from "./links/alias_readers.ts";
import { LinkProbes } from "./links/link_probes.ts";
import { Listener, sendBySocket } from "./listeners.ts";
import { Planted, sendTo, Tally, timeoutMs, until } from "./planted.ts";
import { foreign, games, settingsOf } from "./tenants.ts";
import { type Cast, type Home, makeCast, type Thief } from "./thieves.ts";
import { TokenIssuer } from "./token_issuer.ts";

const probesMin = 200;
/** What a reader's own subscription has brought, others' had time to bring, too. */
const graceMs = 1_500;
const target: Home = { studio: foreign, game: games.foreign };

class IsolationOfDoors {
  readonly found = new Findings();
  readonly tally = new Tally(this.found);
  readonly planted: Planted;
  /** Whoever reads nothing and is no operator. The game's write key ships inside its clients. */
  readonly outsiders: readonly Thief[];

  constructor(readonly site: Site, readonly cast: Cast, readonly sql: postgres.Sql) {
    this.planted = new Planted(site, sql, this.tally);
    this.outsiders = [...cast.thieves, { name: "the game's write key", key: cast.write }];
  }

  async doors(): Promise<void> {
    const { thieves, write } = this.cast;
    for (const door of doors) {
      await this.planted.control(door.name, target, (user) => door.request(write, user));
      for (const { name, key, home } of thieves) {
        const what = `${door.name}: ${name}`;
        await this.planted.probe("doors", what, home, (user) => door.request(key, user));
      }
    }
  }

  /** The same over `/ws`. */
  async socket(): Promise<void> {
    const way = (key: string) => (user: string) =>
      sendBySocket(this.site.url, key, {
        event_type: "planted",
        user_id: user,
        game_id: games.foreign,
      });
    await this.planted.control("socket", target, way(this.cast.write));
    for (const { name, key, home } of this.cast.thieves) {
      await this.planted.probe("ws_events", `socket: ${name}`, home, way(key));
    }
  }

  async signatures(): Promise<void> {
    const { pair: theirs, signers } = this.cast;
    for (const door of signedDoors) {
      const landing = (home: Home) => door.name.endsWith("events") ? home : undefined;
      const request = (pair: typeof theirs) => (user: string) => door.request(pair, user);
      await this.planted.control(door.name, landing(target), request(theirs));
      for (const { name, pair, home } of signers) {
        const what = `${door.name}: rightly signed by ${name}`;
        await (home === undefined
          ? this.planted.probe("signatures", what, undefined, request(pair))
          : this.planted.control(what, landing(home), request(pair)));
      }
    }
    for (const forgery of forgeries) {
      for (const { name, pair: own } of signers) {
        const what = `forged: ${forgery.name}: ${name}`;
        const request = (user: string) => forgery.request(theirs, own, user);
        await this.planted.probe("signatures", what, undefined, request);
      }
    }
  }

  /** Everybody tries to link, unlink and read players who are merged. */
  async links(): Promise<void> {
    const { site, cast, tally, sql, planted: { mark }, outsiders } = this;
    const [pair, other] = await new LinkProbes(site, cast, sql, tally, mark).run();
    if (pair === undefined || other === undefined) return;
    const readers = await AliasReaders.open(site, cast, tally, pair);
    await readers.questions(outsiders);
    await readers.listeners();
    await readers.unlinks(outsiders, sql, mark);
    await this.listeners(other.alias);
  }

  /** Everybody listens at the game while its own key writes. @param user who plays */
  async listeners(user: string): Promise<void> {
    // No question holds it, so that no answer repeats it.
    const type = `secret-${crypto.randomUUID()}`;
    const open = (key: string) => Listener.open(this.site.url, key, user);
    const control = await open(this.cast.read);
    const opened = await Promise.all(
      this.outsiders.map(async (thief) => [thief, await open(thief.key)] as const),
    );
    try {
      const body = JSON.stringify({ event_type: type, user_id: user, game_id: games.foreign });
      const headers = { authorization: `Bearer ${this.cast.write}` };
      const isHeard = await until(async () => {
        await sendTo(this.site, { path: "/api/v1/events", headers, body });
        await new Promise((resolve) => setTimeout(resolve, 200));
        return control.heard().every(({ text }) => text.includes(type));
      });
      this.found.require(isHeard, "the game's own reader hears all");
      await new Promise((resolve) => setTimeout(resolve, graceMs));
      let readersHeard = 0;
      for (const [{ name, isReader }, listener] of opened) {
        for (const { where, what, text } of listener.heard()) {
          const hears = text.includes(type);
          if (isReader) readersHeard += Number(hears);
          else {
            this.tally.count(where.replaceAll(" ", "_"));
            if (hears) this.tally.leak(`hears nothing: ${where}: ${name}: ${what}`);
          }
        }
      }
      this.found.count("readers_heard", readersHeard);
      this.found.require(readersHeard >= 20, `who may read hears: ${readersHeard} times`);
    } finally {
      await Promise.all([control, ...opened.map(([, one]) => one)].map((one) => one.close()));
    }
  }

  async #admin(method: string, path: string, key: string): Promise<number> {
    const response = await fetch(new URL(path, this.site.adminUrl), {
      method,
      headers: key === "" ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    return response.status;
  }

  async admin(): Promise<void> {
    const order = ({ method }: { readonly method: string }) => Number(method !== "GET");
    // With GET first, and up to the first leak: what it would let through may end the node.
    for (const { method, path } of adminRoutes().toSorted((a, b) => order(a) - order(b))) {
      for (const { name, key } of this.outsiders) {
        this.tally.count("admin");
        const status = await this.#admin(method, path, key);
        if (status === 401) continue;
        return this.tally.leak(`the admin port refuses: ${name}: ${method} ${path}: ${status}`);
      }
      if (method !== "GET") continue;
      this.tally.count("controls");
      const status = await this.#admin(method, path, this.site.adminToken);
      const isLetIn = status !== 401 && status < 500;
      this.found.require(isLetIn, `the admin port lets its own token in: ${path}: ${status}`);
    }
  }

  async run(): Promise<DrillResult> {
    // The signed ones first: the mutated signer takes whatever secrets it has seen.
    await this.signatures();
    await this.doors();
    await this.socket();
    await this.planted.landed(this.cast.write);
    const letters = await this.planted.deadLetters();
    this.found.count("dead_letters", letters);
    this.found.require(letters > 0, "what may not be written lies in its sender's dead letters");
    await this.links();
    await this.listeners(`heard-${this.planted.mark}`);
    await this.admin();
    const { controls = 0, ...probes } = this.tally.probes;
    const total = Object.values(probes).reduce((sum, n) => sum + n, 0);
    for (const [where, n] of Object.entries(probes)) this.found.count(where, n);
    this.found.count("probes", total);
    this.found.count("controls", controls);
    this.found.count("leaks", this.tally.leaks);
    this.found.require(total >= probesMin, `${probesMin} probes: ${total}`);
    return this.found.result();
  }
}

/** By mutation: how the platform is started. `admin` gives the operators' token to the demo studio. */
function optionsOf(mutation: string | undefined): StartOptions {
  if (mutation === undefined || mutation === "admin") return {};
  return { blur: mutation.replace(/-.*/, "") as NonNullable<StartOptions["blur"]> };
}

async function run({ dir, mutation }: OwnContext): Promise<DrillResult> {
  const issuer = await TokenIssuer.start();
  const site = new Site(`${dir}/site`, { env: settingsOf(issuer) });
  const demoKey = mutation === "admin" ? site.adminToken : site.key;
  let sql: postgres.Sql | undefined;
  try {
    const options = optionsOf(mutation);
    const platform = site.start({ ...options, env: { DEMO_KEY: demoKey } });
    const { store_url } = await platform.ready();
    sql = postgres(store_url, { max: 1, onnotice: () => {} });
    const cast = await makeCast(site, issuer, demoKey);
    return await new IsolationOfDoors(site, cast, sql).run();
  } finally {
    await sql?.end();
    await site.clear();
    await issuer.stop();
  }
}

export const isolationDoors: OwnDrill = {
  id: "35b",
  name: "isolation-doors",
  mutations: {
    games: /lands at home or nowhere: .*of another game: bolt\/b1/,
    "games-links": /links nobody: .*write key of another game: bolt\/b1/,
    "studio-links": /links nobody: .*another studio's operator: bolt\/b1/,
    "role-aliases": /reads nobody: the alias's own token/,
    studio: /lands at home or nowhere: .*another studio's .*: bolt\//,
    role: /hears nothing: .*: the game.s write key/,
    write: /is refused: .*read key/,
    signing: /is refused: forged: .*another's secret/,
    admin: /the admin port refuses: demo key/,
  },
  run,
};
