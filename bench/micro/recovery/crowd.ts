/**
 * A crowd of distinct players, each with one event or three, so that every answer can be checked by
 * the player's number alone; and the fastest honest way to make them live: full requests through the
 * gateway.
 *
 * @module
 */
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { Target } from "../../load/client/transport.ts";
import { seedText } from "../../load/generator/population.ts";
import { mix32 } from "../../load/generator/random.ts";

const requestEvents = 1000;
const connections = 8;
const retryPauseMs = 50;
const expiryMs = 500;
const types = ["level.start", "level.complete", "resource.sink"];

export class Crowd {
  readonly #seed: number;
  readonly #prefix: string;

  /** @param players how many, at least 1 */
  constructor(readonly players: number, seed: number) {
    this.#seed = seed;
    this.#prefix = seedText(seed);
  }

  userId(player: number): string {
    return `u-${this.#prefix}-${player}`;
  }

  /** Events of a player: three for one in eight, else one. */
  events(player: number): number {
    return mix32(this.#seed, player) % 8 === 0 ? 3 : 1;
  }

  /** Events of all. */
  get total(): number {
    let sum = 0;
    for (let i = 0; i < this.players; i++) sum += this.events(i);
    return sum;
  }

  /** Request bodies, JSON in ASCII, with all events of all players. */
  *requests(): Generator<{ readonly body: string; readonly events: number }> {
    let events: object[] = [];
    for (let player = 0; player < this.players; player++) {
      for (let n = 0; n < this.events(player); n++) {
        events.push(this.#event(player, n));
        if (events.length < requestEvents) continue;
        yield { body: JSON.stringify({ events }), events: events.length };
        events = [];
      }
    }
    if (events.length > 0) yield { body: JSON.stringify({ events }), events: events.length };
  }

  #event(player: number, n: number): object {
    return {
      event_id: `${this.#prefix}-${player}-${n}`,
      event_type: types[n],
      user_id: this.userId(player),
      game_id: "starfall",
      properties: { level: 1 + n, difficulty: "normal" },
      context: { platform: "ios", app_version: "1.4.2", country: "DE" },
    };
  }
}

/**
 * Sends the crowd's events; each request until it is accepted whole, as its ids make it count once.
 *
 * @param told is called with the events accepted so far, after each request
 * @returns events accepted
 * @throws {Error} the gateway refuses some of them for good
 */
export async function sendCrowd(
  crowd: Crowd,
  target: Target,
  told: (accepted: number) => void,
): Promise<number> {
  const requests = crowd.requests();
  let accepted = 0;
  const send = async (connection: HttpConnection) => {
    for (const { body, events } of requests) {
      await sendUntilAccepted(connection, body);
      told(accepted += events);
    }
  };
  const open = Array.from({ length: connections }, () => new HttpConnection(target));
  const expiry = setInterval(
    () => open.forEach((connection) => connection.expire(performance.now())),
    expiryMs,
  );
  try {
    await Promise.all(open.map(send));
    return accepted;
  } finally {
    clearInterval(expiry);
    for (const connection of open) connection.close();
  }
}

async function sendUntilAccepted(connection: HttpConnection, body: string): Promise<void> {
  for (;;) {
    const { status, body: said, retryAfterMs = retryPauseMs } = await connection.send(body);
    const refused = status !== 202 && status !== 429 && status !== 503;
    if (refused || (status === 202 && !/"rejected":\s*\[\]/.test(said))) {
      throw new Error(`Cannot make the crowd as the gateway answered ${status}: ${said}`);
    }
    if (status === 202) return;
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
  }
}
