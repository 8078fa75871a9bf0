/**
 * Asks the platform for players through GraphQL, as clients do, and checks each answer.
 *
 * @module
 */
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { Target } from "../../load/client/transport.ts";
import type { Crowd } from "./crowd.ts";

/** Players a request; the interface takes as many aliases. */
export const playersPerAsk = 50;
const expiryMs = 500;

interface Body {
  readonly data?: Readonly<Record<string, { readonly eventsTotal: number } | null>> | null;
  readonly errors?: readonly { readonly message: string }[];
}

/** One connection. */
export class Asker {
  readonly #connection: HttpConnection;
  readonly #expiry: ReturnType<typeof setInterval>;
  /** Answers that were wrong: a player unknown, or with other events than it has. */
  readonly wrong: string[] = [];
  /** Requests that were answered at all, with errors too. */
  answered = 0;
  /** Sum of the events of all players answered. */
  eventsSeen = 0;

  constructor(readonly crowd: Crowd, target: Target) {
    this.#connection = new HttpConnection(target, "/graphql");
    this.#expiry = setInterval(() => this.#connection.expire(performance.now()), expiryMs);
  }

  close(): void {
    clearInterval(this.#expiry);
    this.#connection.close();
  }

  /**
   * Asks for players by number, at most {@link playersPerAsk}.
   *
   * @throws {Error} there was no answer, or one with errors
   */
  async ask(players: readonly number[]): Promise<void> {
    const { status, body } = await this.#connection.send(JSON.stringify({
      query: queryOf(players.length),
      variables: Object.fromEntries(
        players.map((player, i) => [`p${i}`, this.crowd.userId(player)]),
      ),
    }));
    this.answered++;
    const { data, errors } = parse(body);
    if (status !== 200 || errors !== undefined || !data) throw new Error(`${status} ${body}`);
    players.forEach((player, i) => {
      const seen = data[`p${i}`]?.eventsTotal;
      const due = this.crowd.events(player);
      this.eventsSeen += seen ?? 0;
      if (seen !== due) this.wrong.push(`player ${player} has ${seen ?? "no"} events of ${due}`);
    });
  }
}

function parse(body: string): Body {
  try {
    return JSON.parse(body) as Body;
  } catch {
    return {};
  }
}

const queries = new Map<number, string>();

/** The same text for the same number, so that it is read once. */
function queryOf(players: number): string {
  let query = queries.get(players);
  if (query === undefined) {
    const names = Array.from({ length: players }, (_, i) => `p${i}`);
    query = `query(${names.map((p) => `$${p}:ID!`).join(",")}){${
      names.map((p) => `${p}:player(id:$${p}){eventsTotal}`).join(" ")
    }}`;
    queries.set(players, query);
  }
  return query;
}
