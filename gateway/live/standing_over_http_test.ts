import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import { type Principal, principalOf } from "../../schema/principal.ts";
import type { Keys } from "../auth.ts";
import { graphqlProtocol } from "../graphql/graphql_websocket.ts";
import { sseData, subscribeSse } from "../testing/event_stream.ts";
import { SocketClient } from "../testing/socket_client.ts";
import { event, serving, testGateway, testNow, until } from "../testing/test_gateway.ts";

const page = "https://play.example.com";

/** Keys that can be taken away: `app`, and `token`, which is good until a minute after the start. */
class Ring implements Keys {
  readonly #good = new Map<string, Principal>();
  isAway = false;
  /** How often it was asked while it was away. */
  askedInVain = 0;

  constructor() {
    this.set("app", {});
    this.#good.set(
      "token",
      principalOf({
        id: "demo/u-1",
        role: "admin",
        studio: "demo",
        userId: "u-1",
        createGames: true,
        until: testNow + 60_000,
      }),
    );
  }

  set(id: string, more: { readonly origins?: readonly string[] }): void {
    const options = { id, role: "admin", studio: "demo", createGames: true, ...more } as const;
    this.#good.set(id, principalOf(options));
  }

  revoke(id: string): void {
    this.#good.delete(id);
  }

  resolve(token: string): Principal | undefined {
    if (this.isAway) {
      this.askedInVain++;
      throw new Unavailable("keys", "The keys are not known right now");
    }
    return this.#good.get(token);
  }

  hmac(): undefined {
    return undefined;
  }
}

/** Runs `use` against a gateway whose keys and clock are the test's. */
async function withRing(
  use: (url: string, ring: Ring, clock: { now: number }) => Promise<void>,
): Promise<void> {
  const clock = { now: testNow };
  const ring = new Ring();
  const gateway = testGateway({ keys: ring, now: () => clock.now });
  await serving(gateway, (url) => use(url, ring, clock));
  await until(() => gateway.platform.watchers === 0, "no watch is left");
}

const watching = { type: "subscribe", user_id: "u-1" };

/** Sockets that `key` holds: by header and by message, of both protocols. */
async function socketsOf(url: string, key: string): Promise<SocketClient[]> {
  const header = await SocketClient.open(url, "/ws", { key, origin: page });
  const message = await SocketClient.open(url, "/ws", { origin: page });
  assert.equal((await message.ask({ type: "auth", token: key })).type, "authenticated");
  for (const client of [header, message]) {
    assert.equal((await client.ask(watching)).type, "subscribed");
  }
  const protocol = graphqlProtocol;
  const graphql = await SocketClient.open(url, "/graphql", { protocol, origin: page });
  const payload = { authorization: `Bearer ${key}` };
  const ack = await graphql.ask({ type: "connection_init", payload });
  assert.equal(ack.type, "connection_ack");
  const query = `subscription { playerUpdated(id: "u-1") { id } }`;
  graphql.send({ type: "subscribe", id: "1", payload: { query } });
  return [header, message, graphql];
}

const codes = (clients: readonly SocketClient[]) =>
  Promise.all(clients.map((client) => client.closed()));

Deno.test("A revoked key's open sockets are closed, those of others are not", async () => {
  await withRing(async (url, ring) => {
    const own = await socketsOf(url, "app");
    const others = await socketsOf(url, "token");
    ring.revoke("app");
    assert.deepEqual(await codes(own), [1008, 1008, 1008]);
    const ack = await others[0]!.ask({
      type: "events",
      id: 1,
      events: [event({ user_id: "u-9" })],
    });
    assert.equal(ack.accepted, 1);
    for (const client of others) await client.close();
  });
});

Deno.test("A token's open sockets are closed when it expires", async () => {
  await withRing(async (url, _, clock) => {
    const sockets = await socketsOf(url, "token");
    clock.now += 60_000;
    assert.deepEqual(await codes(sockets), [1008, 1008, 1008]);
  });
});

Deno.test("A key's sockets of an origin that it may not be used from any more are closed", async () => {
  await withRing(async (url, ring) => {
    const sockets = await socketsOf(url, "app");
    ring.set("app", { origins: ["https://elsewhere.example.com"] });
    assert.deepEqual(await codes(sockets), [1008, 1008, 1008]);
  });
});

Deno.test("Sockets stay while nothing can be said of their keys", async () => {
  await withRing(async (url, ring) => {
    const [client, ...rest] = await socketsOf(url, "app");
    ring.isAway = true;
    await until(() => ring.askedInVain > 1, "the keys were asked twice");
    const ack = await client!.ask({ type: "events", id: 1, events: [event({ user_id: "u-9" })] });
    assert.equal(ack.accepted, 1);
    for (const one of [client!, ...rest]) await one.close();
  });
});

Deno.test("A revoked key's event stream over HTTP ends", async () => {
  await withRing(async (url, ring) => {
    const leave = new AbortController();
    const query = `subscription { eventStream { id } }`;
    const answers = sseData(await subscribeSse(url, query, leave.signal, "app"));
    ring.revoke("app");
    assert.equal((await answers.next()).done, true);
  });
});
