/**
 * Listening at a game: every subscription that would tell of its events, over server-sent events,
 * graphql-transport-ws and `/ws`; and an event sent over `/ws`.
 *
 * @module
 */
import { Collector } from "./collector.ts";
import { games } from "./tenants.ts";

const timeoutMs = 5_000;

/** What one subscription has brought. */
export interface Heard {
  readonly where: "sse" | "graphql ws" | "ws";
  readonly what: string;
  readonly text: string;
}

/** Subscriptions to the game {@link games.foreign} and to one of its users. */
function subscriptionsTo(user: string): string[] {
  const id = JSON.stringify(user);
  const game = JSON.stringify(games.foreign);
  const event = "{ id type userId gameId properties }";
  return [
    `playerUpdated(id: ${id}) { id eventCounts { type count } }`,
    `gameUpdated(id: ${game}, everyMs: 100) { id eventCounts { type count } }`,
    `eventStream ${event}`,
    `eventStream(filter: { gameId: ${game} }) ${event}`,
    `eventStream(filter: { userId: ${id} }) ${event}`,
  ].map((selection) => `subscription { ${selection} }`);
}

/** A stream of server-sent events that keeps what comes. */
class EventStream {
  text = "";
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  private constructor(readonly what: string, url: URL, headers: Record<string, string>) {
    this.#done = this.#read(url, headers).catch(() => {});
  }

  static open(site: string, query: string, key: string): EventStream {
    const url = new URL(`/graphql?query=${encodeURIComponent(query)}`, site);
    return new EventStream(query, url, key === "" ? {} : { authorization: `Bearer ${key}` });
  }

  async #read(url: URL, headers: Record<string, string>): Promise<void> {
    const response = await fetch(url, {
      headers: { ...headers, accept: "text/event-stream" },
      signal: this.#abort.signal,
    });
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      this.text += decoder.decode(bytes, { stream: true });
    }
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}

/** One holder of a key, at every place where one can listen. */
export class Listener {
  private constructor(
    readonly streams: readonly EventStream[],
    readonly graphql: Collector,
    readonly events: Collector,
  ) {}

  /** @param key `""`: none @param user whom it listens for */
  static async open(site: string, key: string, user: string): Promise<Listener> {
    const queries = subscriptionsTo(user);
    const streams = queries.map((query) => EventStream.open(site, query, key));
    const graphql = await Collector.open(site, "/graphql", "graphql-transport-ws");
    graphql.send({
      type: "connection_init",
      payload: key === "" ? {} : { authorization: `Bearer ${key}` },
    });
    await graphql.waitFor("connection_ack", timeoutMs);
    queries.forEach((query, i) =>
      graphql.ask(String(i), query, { id: String(i), type: "subscribe", payload: { query } })
    );
    const events = await Collector.open(site, "/ws");
    if (key !== "") {
      events.send({ type: "auth", token: key });
      await events.waitFor("authenticated", timeoutMs);
    }
    const what = `subscribe ${user}`;
    events.ask(what, what, { type: "subscribe", user_id: user });
    return new Listener(streams, graphql, events);
  }

  heard(): Heard[] {
    return [
      ...this.streams.map(({ what, text }) => ({ where: "sse" as const, what, text })),
      ...this.graphql.texts().map((one) => ({ where: "graphql ws" as const, ...one })),
      ...this.events.texts().map((one) => ({ where: "ws" as const, ...one })),
    ];
  }

  async close(): Promise<void> {
    await Promise.all([
      ...this.streams.map((stream) => stream.close()),
      this.graphql.close(),
      this.events.close(),
    ]);
  }
}

/**
 * Sends an event over `/ws`.
 *
 * @returns the status that HTTP would have: 202, 400, 401 or 403; 0: no answer
 */
export async function sendBySocket(site: string, key: string, event: object): Promise<number> {
  const socket = await Collector.open(site, "/ws");
  try {
    socket.send({ type: "auth", token: key });
    await socket.waitFor("authenticated", timeoutMs);
    socket.ask("planting", "", { type: "events", id: "planting", events: [event] });
    await socket.waitFor("planting", timeoutMs);
    const { text } = socket.texts()[0]!;
    if (text.includes(`"unauthorized"`)) return 401;
    if (text.includes(`"forbidden"`)) return 403;
    if (!text.includes(`"ack"`)) return 0;
    return text.includes(`"accepted":1`) ? 202 : 400;
  } finally {
    await socket.close();
  }
}
