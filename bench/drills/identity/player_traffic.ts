/**
 * What players do before, while and after their ids are linked: each batch is sent until it is taken, and
 * many events twice.
 *
 * @module
 */
import { AckFile } from "../../load/client/ack_file.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { Target } from "../../load/client/transport.ts";
import { seedText } from "../../load/generator/population.ts";
import type { Random } from "../../load/generator/random.ts";
import type { Link } from "./link_plan.ts";

/** An event as a client writes it. */
type Sent = Readonly<Record<string, unknown>> & { readonly event_id: string };

const games = ["linked-one", "linked-two", "linked-three"];
const currencies = ["USD", "EUR"];
const batchMax = 50;
const repeatShare = 0.15;
/** Older events would not be taken after 30 days. */
const spanDays = 29;
const DAY_MS = 86_400_000;
const retryMs = 50;
const giveUpMs = 20_000;

export class PlayerTraffic {
  readonly #random: Random;
  readonly #acks: AckFile;
  readonly #prefix: string;
  #connection: HttpConnection | undefined;
  #batches = 0;
  #said = 0;
  #repeats = 0;

  /** @param acks path of the file for the verifier */
  constructor(readonly target: Target, seed: number, random: Random, acks: string) {
    this.#random = random;
    this.#prefix = seedText(seed);
    this.#acks = new AckFile(acks, { seed, id_prefix: this.#prefix });
  }

  /** Distinct events so far. */
  get events(): number {
    return this.#said;
  }

  /** Events sent a second time. */
  get repeats(): number {
    return this.#repeats;
  }

  /** Some events of each of these users, in turn. */
  async play(users: readonly string[], each: number): Promise<void> {
    const events: Sent[] = [];
    for (let round = 0; round < each; round++) {
      for (const user of users) events.push(this.#played(user));
    }
    await this.#send(events);
  }

  /** Says links, with events of both sides in between. */
  async say(links: readonly Link[]): Promise<void> {
    await this.#send(links.flatMap((link) => {
      const said = this.#link(link);
      const more = this.#random.chance(0.5) ? link.alias : link.user;
      return [said, this.#played(more)];
    }));
  }

  async close(): Promise<void> {
    this.#connection?.close();
    await this.#acks.close();
  }

  /** Ids rise, so that the order of a player's events can be checked. */
  #event(event_type: string, user_id: string, more: object): Sent {
    const event_id = `${this.#prefix}-${(this.#said++).toString(16).padStart(8, "0")}`;
    const game_id = games[this.#random.below(games.length)]!;
    const at = Date.now() - this.#random.below(spanDays) * DAY_MS;
    const timestamp = new Date(at).toISOString();
    return { event_id, event_type, user_id, game_id, timestamp, ...more };
  }

  #link({ alias, user }: Link): Sent {
    return this.#random.chance(0.5)
      ? this.#event("alias", user, { properties: { previous_id: alias } })
      : this.#event("identify", user, { properties: { anonymous_id: alias } });
  }

  #played(user: string): Sent {
    const random = this.#random;
    const session = random.chance(0.5) ? { session_id: `s-${random.below(2)}` } : {};
    switch (random.below(6)) {
      case 0:
        return this.#event("session.start", user, session);
      case 1:
        return this.#event("session.end", user, session);
      case 2:
        return this.#event("level.complete", user, {
          ...session,
          properties: { level: random.below(50) },
        });
      case 3: {
        const currency = currencies[random.below(currencies.length)]!;
        const properties = { amount: 1 + random.below(9_999), currency };
        return this.#event("purchase", user, { ...session, properties });
      }
      default:
        return this.#event("shop.view", user, session);
    }
  }

  async #send(events: readonly Sent[]): Promise<void> {
    for (let at = 0; at < events.length; at += batchMax) {
      const batch = events.slice(at, at + batchMax);
      await this.#untilTaken(batch);
      const ids = batch.map(({ event_id }) => event_id);
      await this.#acks.append({ c: 0, b: this.#batches++, ids });
      const again = batch.filter(() => this.#random.chance(repeatShare));
      this.#repeats += again.length;
      if (again.length > 0) await this.#untilTaken(again);
    }
  }

  /** @throws {Error} it is refused, or was not taken in time */
  async #untilTaken(batch: readonly Sent[]): Promise<void> {
    const deadline = performance.now() + giveUpMs;
    for (let last = "";;) {
      this.#connection ??= new HttpConnection(this.target);
      try {
        const { status, body } = await this.#connection.send(JSON.stringify(batch));
        if (status === 202 && JSON.parse(body).accepted === batch.length) return;
        if (status < 429) {
          throw new RangeError(`Cannot send events: ${status} ${body.slice(0, 500)}`);
        }
        last = `${status} ${body}`;
      } catch (cause) {
        if (cause instanceof RangeError) throw cause;
        last = String(cause);
        this.#connection = undefined;
      }
      if (performance.now() > deadline) throw new Error(`Events were not taken: ${last}`);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
