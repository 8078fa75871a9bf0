/**
 * Drill 35: the keys and tokens of one studio against everything of another, and of each role against
 * what is not its own: the native capture, GraphQL over HTTP and WebSocket, `/ws`, and the admin port.
 * Nothing may be read, and nothing changed. `isolation_doors.ts` tries the capture protocols,
 * signatures and server-sent events.
 *
 * @module
 */
import { createAdminApp } from "../../../supervisor/admin/admin_app.ts";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import type { StartOptions } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import { Collector } from "./collector.ts";
import { probesOf } from "./probes.ts";
import {
  type Credential,
  foreign,
  games,
  makeTenants,
  sendEvents,
  settingsOf,
  type Tenants,
  users,
} from "./tenants.ts";
import { TokenIssuer } from "./token_issuer.ts";

const probesMin = 200;
const timeoutMs = 5_000;
/** What a reader's own subscription has brought, others' had time to bring, too. */
const graceMs = 1_500;

/** Every route of the admin API, with some text for each parameter. */
export const adminRoutes = (): { readonly method: string; readonly path: string }[] => {
  const nothing = {} as never;
  const app = createAdminApp({
    platform: nothing,
    token: "none",
    audit() {},
    redactFields: [],
    shadows: nothing,
    travel: nothing,
    keys: nothing,
  });
  return app.routes
    .filter(({ path, method }) =>
      path.startsWith("/admin/") && path !== "/admin/*" && method !== "ALL"
    )
    .map(({ path, method }) => ({ method, path: path.replace(/:\w+(\{[^}]*\})?/g, "x") }));
};

class Isolation {
  readonly found = new Findings();
  readonly probes: Record<string, number> = {};
  leaks = 0;
  /** Answers that held data: without any, nothing was tried. */
  answered = 0;

  constructor(readonly site: Site, readonly tenants: Tenants, readonly ctx: OwnContext) {}

  #judge(where: string, { name, forbidden }: Credential, what: string, answer: string): void {
    this.probes[where] = (this.probes[where] ?? 0) + 1;
    if (answer.includes("mk-acme-a1-ann")) this.answered++;
    // The question may be repeated in an answer's errors.
    const seen = forbidden.exec(answer);
    if (seen === null) return;
    this.leaks++;
    this.found.require(false, `nothing leaks: ${where}: ${name}: ${what}: ${seen[0]}`);
  }

  async #fetch(url: URL, init: RequestInit, token: string | undefined) {
    const response = await fetch(url, {
      ...init,
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...init.headers as Record<string, string>,
      },
    });
    return { status: response.status, text: await response.text() };
  }

  async graphql(): Promise<void> {
    const url = new URL("/graphql", this.site.url);
    for (const credential of this.tenants.credentials) {
      for (const { query } of probesOf("Query")) {
        const body = JSON.stringify({ query });
        const post = await this.#fetch(url, { method: "POST", body }, credential.token);
        this.#judge("graphql post", credential, query, post.text);
        const asked = new URL(`?query=${encodeURIComponent(query)}`, url);
        const get = await this.#fetch(asked, {}, credential.token);
        this.#judge("graphql get", credential, query, get.text);
      }
    }
  }

  /** Opens every subscription, has all players play, and looks at what came. */
  async subscriptions(): Promise<void> {
    const opened = await Promise.all(
      this.tenants.credentials.filter(({ token }) => token !== undefined)
        .map(async (credential) =>
          [
            credential,
            await this.#graphqlSocket(credential),
            await this.#eventSocket(credential),
          ] as const
        ),
    );
    await sendEvents(this.site, this.tenants);
    await sendEvents(this.site, this.tenants);
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    for (const [credential, graphql, events] of opened) {
      for (const { what, text } of graphql.texts()) {
        this.#judge("graphql subscription", credential, what, text);
      }
      for (const { what, text } of events.texts()) this.#judge("ws", credential, what, text);
      await Promise.all([graphql.close(), events.close()]);
    }
  }

  async #graphqlSocket({ token }: Credential) {
    const socket = await Collector.open(this.site.url, "/graphql", "graphql-transport-ws");
    socket.send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
    await socket.waitFor("connection_ack", timeoutMs);
    probesOf("Subscription").forEach(({ query }, i) =>
      socket.ask(String(i), query, { id: String(i), type: "subscribe", payload: { query } })
    );
    return socket;
  }

  async #eventSocket({ token }: Credential) {
    const socket = await Collector.open(this.site.url, "/ws");
    socket.send({ type: "auth", token });
    await socket.waitFor("authenticated", timeoutMs);
    for (const user of [users.shared, users.mate, users.foreign, `${foreign}/${users.foreign}`]) {
      for (const game of [undefined, games.other, games.foreign]) {
        const what = `subscribe ${user} ${game ?? ""}`;
        socket.ask(what, what, {
          type: "subscribe",
          user_id: user,
          ...(game === undefined ? {} : { game_id: game }),
        });
      }
    }
    return socket;
  }

  /** Tries to write into the other studio, and with what may not write at all. */
  async writes(): Promise<void> {
    const url = new URL("/api/v1/events", this.site.url);
    const base = { event_type: "planted", user_id: users.foreign, game_id: games.foreign };
    const planted = [
      base,
      { ...base, studio: foreign },
      { ...base, user_id: `${foreign}/${users.foreign}` },
      { ...base, game_id: `${foreign}/${games.foreign}` },
      { ...base, user_id: `../${foreign}/${users.foreign}`, studio: `${foreign}/` },
    ];
    for (const credential of this.tenants.credentials) {
      for (const event of planted) {
        const init = { method: "POST", body: JSON.stringify(event) };
        const { status, text } = await this.#fetch(url, init, credential.token);
        this.#judge("capture", credential, JSON.stringify(event), text);
        const isRefused = status === 401 || status === 403;
        if (!credential.mayWrite && !isRefused) {
          this.leaks++;
          this.found.require(false, `who may not write is refused: ${credential.name}: ${status}`);
        }
      }
    }
  }

  async admin(): Promise<void> {
    for (const credential of this.tenants.credentials) {
      for (const { method, path } of adminRoutes()) {
        const url = new URL(path, this.site.adminUrl);
        const { status, text } = await this.#fetch(url, { method }, credential.token);
        this.#judge("admin", credential, `${method} ${path}`, text);
        if (status === 401) continue;
        this.leaks++;
        this.found.require(false, `the admin port refuses ${credential.name}: ${path}: ${status}`);
      }
    }
  }

  /** What the other studio has, by its own key. */
  async foreignTotals(): Promise<string> {
    const query = `{ game(id: "${games.foreign}") { eventsTotal eventCounts { type count } }
      player(id: "${users.foreign}") { eventsTotal }
      events(first: 100) { edges { node { id type } } } }`;
    const init = { method: "POST", body: JSON.stringify({ query }) };
    const url = new URL("/graphql", this.site.url);
    return (await this.#fetch(url, init, this.tenants.foreignRead)).text;
  }

  /** Waits until the other studio's game has counted so many events. */
  async settled(events: number): Promise<void> {
    const deadline = performance.now() + 20_000;
    const has = async () => {
      const text = await this.foreignTotals();
      const { data } = JSON.parse(text);
      return data?.game?.eventsTotal === events && data.events.edges.length === events;
    };
    while (!await has()) {
      if (performance.now() > deadline) {
        throw new Error(`Never counted: ${await this.foreignTotals()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async run(): Promise<DrillResult> {
    await sendEvents(this.site, this.tenants);
    if (this.ctx.mutation !== "studio") await this.settled(2);
    await this.graphql();
    await this.subscriptions();
    if (this.ctx.mutation !== "studio") await this.settled(6);
    const before = await this.foreignTotals();
    await this.writes();
    await this.admin();
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    const isSame = await this.foreignTotals() === before;
    this.found.require(isSame, "nothing of the other studio has changed");
    const total = Object.values(this.probes).reduce((sum, n) => sum + n, 0);
    for (const [where, n] of Object.entries(this.probes)) {
      this.found.count(where.replaceAll(" ", "_"), n);
    }
    this.found.count("probes", total);
    this.found.count("leaks", this.leaks);
    this.found.count("answered", this.answered);
    this.found.require(total >= probesMin, `${probesMin} probes: ${total}`);
    this.found.require(this.answered >= 50, `readers see what is theirs: ${this.answered} answers`);
    return this.found.result();
  }
}

async function run(ctx: OwnContext): Promise<DrillResult> {
  const issuer = await TokenIssuer.start();
  const site = new Site(`${ctx.dir}/site`, { env: settingsOf(issuer) });
  try {
    const { mutation } = ctx;
    const options: StartOptions = mutation === undefined
      ? {}
      : { blur: mutation as "games" | "role" | "studio" };
    await site.start(options).ready();
    return await new Isolation(site, await makeTenants(site, issuer), ctx).run();
  } finally {
    await site.clear();
    await issuer.stop();
  }
}

export const isolation: OwnDrill = {
  id: "35",
  name: "isolation",
  mutations: {
    games: /nothing leaks: .*: mk-acme-a2/,
    role: /nothing leaks: .*(write key|player|analyst).*: /,
    studio: /nothing leaks: .*: mk-bolt/,
  },
  run,
};
