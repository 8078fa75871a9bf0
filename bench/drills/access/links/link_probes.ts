/**
 * Links between user ids, said by whoever must not: in each protocol, of players of another studio and of
 * another game, by their ids and by such as would reach them if ids were put together carelessly. What
 * was linked is read by SQL.
 *
 * @module
 */
import type postgres from "postgres";
import { Admin } from "../../platform/admin.ts";
import type { Site } from "../../platform/site.ts";
import { quiet } from "../../identity/quiet.ts";
import type { DoorRequest } from "../doors.ts";
import { sendBySocket } from "../listeners.ts";
import { sendTo, type Tally } from "../planted.ts";
import { foreign, games } from "../tenants.ts";
import type { Cast, Home } from "../thieves.ts";
import { linkDoors, linkEvent, type Pair } from "./link_doors.ts";

export const quietMs = 40_000;
const eventsOfRequest = 500;
const target: Home = { studio: foreign, game: games.foreign };
/** Ids that would be another studio's if a studio's name were put before them, or taken off. */
const disguises = ["", `${foreign}/`, `../${foreign}/`];

/** A link that somebody has asked for. */
interface Said {
  readonly what: string;
  readonly pair: Pair;
  /** Where it may be made, and of which game's event; `undefined`: nowhere, of any game. */
  readonly home: Home | undefined;
  readonly isControl: boolean;
}

interface Row {
  readonly studio: string;
  readonly alias_id: string;
  readonly user_id: string;
  /** Of the events that may have said so. */
  readonly games: readonly string[];
}

/** What was turned away for another reason has tried nothing. */
export const isTried = (status: number) =>
  status > 0 && status < 500 && ![404, 405, 429].includes(status);

type Way = (pair: Pair) => DoorRequest | Promise<number>;

export class LinkProbes {
  readonly #said: Said[] = [];

  constructor(
    readonly site: Site,
    readonly cast: Cast,
    readonly sql: postgres.Sql,
    readonly tally: Tally,
    readonly mark: string,
  ) {}

  #pairOf(nth: number): Pair {
    return { user: `lu-${this.mark}-${nth}`, alias: `la-${this.mark}-${nth}` };
  }

  /** The ways to link, by everybody. */
  #ways(): { readonly door: string; readonly way: (key: string, game: string) => Way }[] {
    const bySocket = (key: string, game: string) => (pair: Pair) =>
      sendBySocket(this.site.url, key, linkEvent(game, pair));
    const byDoor = linkDoors.map(({ name, request }) => ({
      door: name,
      way: (key: string, game: string): Way => (pair) => request(key, game, pair),
    }));
    return [...byDoor, { door: "socket", way: bySocket }];
  }

  /** Each probe is about a pair of its own, which plays the foreign studio's game. */
  async #plantPairs(count: number): Promise<void> {
    const players = Array.from({ length: count }, (_, nth) => this.#pairOf(nth))
      .flatMap(({ user, alias }) => [user, alias]);
    for (let from = 0; from < players.length; from += eventsOfRequest) {
      const events = players.slice(from, from + eventsOfRequest)
        .map((user_id) => ({ event_type: "played", user_id, game_id: games.foreign }));
      const headers = { authorization: `Bearer ${this.cast.write}` };
      const request = { path: "/api/v1/events", headers, body: JSON.stringify(events) };
      const status = await sendTo(this.site, request);
      if (status !== 202) throw new Error(`Cannot make players: ${status}`);
    }
  }

  async #say(said: Omit<Said, "pair">, disguise: string, way: Way): Promise<number> {
    const { user, alias } = this.#pairOf(this.#said.length);
    const pair = { user: disguise + user, alias: disguise + alias };
    this.#said.push({ ...said, pair });
    const request = await way(pair);
    const status = typeof request === "number" ? request : await sendTo(this.site, request);
    this.tally.found.require(isTried(status), `every link is judged: ${said.what}: ${status}`);
    return status;
  }

  async #probe(door: string, way: (key: string, game: string) => Way): Promise<void> {
    // All at once, so that they share the log's commits.
    await Promise.all(
      this.cast.thieves.flatMap(({ name, key, home }) =>
        (home === undefined ? [""] : disguises).map(async (disguise) => {
          const what = `${door}: ${name}${disguise === "" ? "" : `, as ${disguise}…`}`;
          this.tally.count("links");
          const said = { what, home, isControl: false };
          const status = await this.#say(said, disguise, way(key, games.foreign));
          const isRefused = status === 401 || status === 403;
          if (home === undefined && !isRefused) this.tally.leak(`is refused: ${what}: ${status}`);
        })
      ),
    );
  }

  /** Tries all. @returns pairs of the foreign studio that its own key has linked */
  async run(): Promise<Pair[]> {
    const ways = this.#ways();
    const { found } = this.tally;
    await this.#plantPairs(ways.length * (1 + this.cast.thieves.length * disguises.length));
    for (const { door, way } of ways) {
      await this.#probe(door, way);
      this.tally.count("controls");
      const said = { what: `${door}: its own key`, home: target, isControl: true };
      const status = await this.#say(said, "", way(this.cast.write, games.foreign));
      found.require(status < 300, `what is right is taken: ${said.what}: ${status}`);
    }
    const isQuiet = await quiet(new Admin(this.site), quietMs);
    found.require(isQuiet, "all links come to an end");
    return isQuiet ? await this.#judge() : [];
  }

  async #judge(): Promise<Pair[]> {
    const rows = await this.sql<Row[]>`
      select studio, alias_id, user_id, array(
        select distinct e.game_id from player_events e
        where e.studio = a.studio and e.user_id = a.user_id and event_type in ('alias', 'identify')
      ) as games
      from player_alias a where alias_id like ${`%la-${this.mark}-%`}`;
    const linked: Pair[] = [];
    let atHome = 0;
    const made = new Set<Said>();
    for (const { studio, alias_id: alias, user_id: user, games: of } of rows) {
      const said = this.#said[Number(/\d+$/.exec(alias)![0])]!;
      const { pair, home } = said;
      const isSaid = alias === pair.alias && user === pair.user;
      // Somebody who writes another game of the studio may link in an event of that game.
      const isThere = home?.studio === studio &&
        (home.game === undefined || of.every((game) => game === home.game));
      if (!isThere || !isSaid) {
        this.tally.leak(`links nobody: ${said.what}: ${studio}/${of}: ${alias} is ${user}`);
        continue;
      }
      made.add(said);
      if (said.isControl) linked.push(said.pair);
      else atHome++;
    }
    const { found } = this.tally;
    for (const said of this.#said) {
      if (said.isControl) found.require(made.has(said), `a control links: ${said.what}`);
    }
    found.count("linked_at_home", atHome);
    found.require(atHome >= 20, `others can link where they may: ${atHome} did`);
    return linked;
  }
}
