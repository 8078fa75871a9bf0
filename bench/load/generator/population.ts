/**
 * Who plays what: everything about a player that can be derived from its number, so that a million
 * players cost no memory until they play.
 *
 * @module
 */
import { mix32 } from "./random.ts";
import { Zipf } from "./zipf.ts";

/** Names of the games, most played first; more than these are numbered. */
const gameNames = [
  "starfall",
  "dungeon-run",
  "gem-garden",
  "kart-heroes",
  "word-river",
  "sky-forge",
  "tiny-towers",
  "night-shift",
  "puzzle-port",
  "dragon-post",
  "moon-miners",
  "deep-blue",
];

const platforms = ["ios", "android", "android", "pc", "ios", "web", "switch", "android"];
const countries = ["US", "DE", "JP", "BR", "IN", "FR", "KR", "GB", "US", "PL", "MX", "US"];
const versions = ["1.4.2", "1.4.1", "1.3.9", "2.0.0-beta"];

/** The game ids of a run, most played first. */
export function gameIds(games: number, prefix = ""): string[] {
  return Array.from({ length: games }, (_, i) => prefix + (gameNames[i] ?? `game-${i + 1}`));
}

/** Eight hex digits of the seed: part of every user and event id, so that two seeds never share one. */
export function seedText(seed: number): string {
  return mix32(seed, Math.floor(seed / 4294967296) ^ 0x5eed).toString(16).padStart(8, "0");
}

/** The players and games of one seed. */
export class Population {
  readonly games: readonly string[];
  readonly #zipf: Zipf;
  readonly #seed: number;
  readonly #userPrefix: string;

  constructor(seed: number, games: number, gamePrefix = "") {
    this.games = gameIds(games, gamePrefix);
    this.#zipf = new Zipf(games);
    this.#seed = seed;
    this.#userPrefix = `u-${seedText(seed)}-`;
  }

  /** The user id of player number `player`. */
  userId(player: number): string {
    return this.#userPrefix + player;
  }

  /**
   * The game of a player's next session: three times of four the favourite, else any, both by Zipf.
   *
   * @param unit a random number in [0, 1) that decides
   */
  game(player: number, unit: number): string {
    const rank = unit < 0.75
      ? this.#zipf.rank(mix32(this.#seed, player) / 4294967296)
      : this.#zipf.rank((unit - 0.75) * 4);
    return this.games[rank]!;
  }

  /** JSON text of the player's context: the device it always plays on. */
  contextText(player: number): string {
    const bits = mix32(this.#seed ^ 0x0c0f, player);
    return `{"platform":"${platforms[bits & 7]}","app_version":"${versions[(bits >>> 3) & 3]}",` +
      `"country":"${countries[(bits >>> 5) % countries.length]}"}`;
  }
}
