/**
 * A merged player, and who must not reach him: by the id that he had before, by an event that says what
 * only the platform says, and with the token of the player that the id once was.
 *
 * @module
 */
import type postgres from "postgres";
import { internalType } from "../../../../schema/event.ts";
import { quiet } from "../../identity/quiet.ts";
import { Admin } from "../../platform/admin.ts";
import type { Site } from "../../platform/site.ts";
import { type Heard, Listener, sendBySocket } from "../listeners.ts";
import { sendTo, type Tally, timeoutMs, until } from "../planted.ts";
import { foreign, games } from "../tenants.ts";
import type { Cast, Thief } from "../thieves.ts";
import { namingDoors, type Pair } from "./link_doors.ts";
import { isTried, quietMs } from "./link_probes.ts";

const graceMs = 1_000;
const { unmerge, restore, merge } = internalType;

/** What is asked about an id. No question holds what its answer must not. */
function questionsAbout(userId: string): string[] {
  const id = JSON.stringify(userId);
  const game = JSON.stringify(games.foreign);
  const player = "{ id aliases eventCounts { type count } }";
  const page = "{ edges { node { id type userId } } }";
  return [
    `player(id: ${id}) ${player}`,
    `player(id: ${id}, gameId: ${game}) ${player}`,
    `player(id: ${id}, asOf: "2100-01-01T00:00:00Z") ${player}`,
    `events(first: 100, filter: { userId: ${id} }) ${page}`,
    `events(first: 100, filter: { userId: ${id}, gameId: ${game} }) ${page}`,
  ].map((selection) => `{ ${selection} }`);
}

export class AliasReaders {
  /** Types of events that nobody else sends: of the id that he had, and of the one that he has. */
  readonly #secret = { alias: `a-${crypto.randomUUID()}`, user: `u-${crypto.randomUUID()}` };
  /** Who holds a token of either. */
  readonly #own: Readonly<Record<keyof Pair, string>>;

  private constructor(
    readonly site: Site,
    readonly cast: Cast,
    readonly tally: Tally,
    readonly pair: Pair,
    own: Record<keyof Pair, string>,
  ) {
    this.#own = own;
  }

  /** @param pair of the foreign studio, linked */
  static async open(site: Site, cast: Cast, tally: Tally, pair: Pair): Promise<AliasReaders> {
    const own = { user: await cast.player(pair.user), alias: await cast.player(pair.alias) };
    return new AliasReaders(site, cast, tally, pair, own);
  }

  async #play(): Promise<void> {
    const of = (id: keyof Pair) => ({
      event_type: this.#secret[id],
      user_id: this.pair[id],
      game_id: games.foreign,
    });
    const headers = { authorization: `Bearer ${this.cast.write}` };
    const body = JSON.stringify([of("alias"), of("user")]);
    await sendTo(this.site, { path: "/api/v1/events", headers, body });
  }

  async #ask(query: string, key: string): Promise<string> {
    const response = await fetch(new URL("/graphql", this.site.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return await response.text();
  }

  /** Asks for the merged player by both of his ids, and by such as would reach him from elsewhere. */
  async questions(outsiders: readonly Thief[]): Promise<void> {
    const { alias, user } = this.pair;
    const { found } = this.tally;
    await this.#play();
    const questions = [alias, user].flatMap(questionsAbout);
    const elsewhere = [`${foreign}/${alias}`, `../${foreign}/${alias}`].flatMap(questionsAbout);
    for (const [nth, question] of questions.entries()) {
      this.tally.count("controls");
      // The pages of the id that he had are those of this id alone.
      const isOwnPage = nth < questions.length / 2 && question.includes("events(");
      const wanted = isOwnPage ? [this.#secret.alias] : Object.values(this.#secret);
      const isAnswered = await until(async () => {
        const text = await this.#ask(question, this.cast.read);
        return wanted.every((type) => text.includes(type));
      });
      found.require(isAnswered, `the game's own reader sees the player: ${question}`);
      // Each further one would wait as long in vain.
      if (!isAnswered) return;
    }
    await Promise.all(outsiders.map(async ({ name, key, isReader }) => {
      for (const question of isReader ? elsewhere : [...questions, ...elsewhere]) {
        this.#judge(`${name}: ${question}`, await this.#ask(question, key), this.#all);
      }
    }));
    for (const question of [...questions, ...elsewhere, "{ events { edges { node { type } } } }"]) {
      const what = `the alias's own token: ${question}`;
      this.#judge(what, await this.#ask(question, this.#own.alias), [this.#secret.user]);
      // The figures of the id that he had are his by now; what came under it is not.
      const answer = await this.#ask(question, this.#own.user);
      if (question.includes("events")) {
        this.#judge(`the player's own token: ${question}`, answer, [this.#secret.alias]);
      }
    }
  }

  get #all(): string[] {
    return Object.values(this.#secret);
  }

  #judge(what: string, answer: string, secrets: readonly string[]): void {
    this.tally.count("alias_reads");
    if (secrets.some((secret) => answer.includes(secret))) {
      this.tally.leak(`reads nobody: ${what}`);
    }
  }

  /** Listens with the tokens of both ids, each to both, while both play. */
  async listeners(): Promise<void> {
    const { alias, user } = this.pair;
    const control = await Listener.open(this.site.url, this.cast.read, alias);
    const open = (key: string, id: string) => Listener.open(this.site.url, key, id);
    const byAlias = [await open(this.#own.alias, alias), await open(this.#own.alias, user)];
    const byUser = [await open(this.#own.user, alias), await open(this.#own.user, user)];
    try {
      const isHeard = await until(async () => {
        await this.#play();
        await new Promise((resolve) => setTimeout(resolve, 200));
        return control.heard().every(({ text }) => text.includes(this.#secret.alias));
      });
      this.tally.found.require(isHeard, "the game's own reader hears the player by his alias");
      await new Promise((resolve) => setTimeout(resolve, graceMs));
      for (const { where, what, text } of byAlias.flatMap((one) => one.heard())) {
        this.#judge(`the alias's own token: ${where}: ${what}`, text, [this.#secret.user]);
      }
      const isOfEvents = ({ what }: Heard) => what.includes("eventStream");
      const heard = byUser.flatMap((one) => one.heard());
      for (const { where, what, text } of heard.filter(isOfEvents)) {
        this.#judge(`the player's own token: ${where}: ${what}`, text, [this.#secret.alias]);
      }
      const hears = heard.some(({ text }) => text.includes(this.#secret.user));
      this.tally.found.require(hears, "the player hears himself");
    } finally {
      const all = [control, ...byAlias, ...byUser];
      await Promise.all(all.map((listener) => listener.close()));
    }
  }

  /** Takes the link back, as only an operator may, and by the names of the platform's own events. */
  async unlinks(outsiders: readonly Thief[], sql: postgres.Sql, mark: string): Promise<void> {
    const { alias, user } = this.pair;
    const { found } = this.tally;
    const thief = `thief-${mark}`;
    const events = [
      { type: unmerge, user, properties: { alias } },
      { type: restore, user: alias, properties: { aliases: [] } },
      { type: merge, user, properties: { into: thief, room: 16 } },
    ];
    const writers = [
      ...this.cast.thieves.filter(({ home }) => home !== undefined),
      { name: "its own key", key: this.cast.write },
    ];
    for (const { name, key } of writers) {
      for (const event of events) {
        await Promise.all(namingDoors.map(async (door) => {
          this.tally.count("unlinks");
          const status = await sendTo(this.site, door.request(key, games.foreign, event));
          const what = `${door.name}: ${event.type}: ${name}`;
          found.require(isTried(status), `every unlink is judged: ${what}: ${status}`);
        }));
        this.tally.count("unlinks");
        const { type: event_type, user: user_id, properties } = event;
        const said = { event_type, user_id, game_id: games.foreign, properties };
        const status = await sendBySocket(this.site.url, key, said);
        if (status < 400) this.tally.leak(`unlinks nobody: socket: ${event_type}: ${name}`);
      }
    }
    for (const { name, key } of [...outsiders, { name: "alias", key: this.#own.alias }]) {
      this.tally.count("unlinks");
      const path = `/admin/actors/player/${encodeURIComponent(`${foreign}/${alias}`)}/unmerge`;
      const response = await fetch(new URL(path, this.site.adminUrl), {
        method: "POST",
        headers: key === "" ? {} : { authorization: `Bearer ${key}` },
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body?.cancel();
      if (response.status !== 401) this.tally.leak(`unlinks nobody: ${name}: ${response.status}`);
    }
    const admin = new Admin(this.site);
    found.require(await quiet(admin, quietMs), "what is said of links comes to an end");
    const holders = async () => {
      const rows = await sql<{ user_id: string }[]>`
        select user_id from player_alias
        where studio = ${foreign} and (alias_id = any(${[alias, user]}) or user_id = ${thief})`;
      return rows.map(({ user_id }) => user_id).join();
    };
    const held = await holders();
    if (held !== user) this.tally.leak(`unlinks nobody: the alias is ${held || "nobody's"}`);
    this.tally.count("controls");
    const status = await admin.unmerge(`${foreign}/${alias}`);
    const isFree = status === 202 && await until(async () => await holders() === "");
    found.require(isFree, `an operator takes the link back: ${status}`);
  }
}
