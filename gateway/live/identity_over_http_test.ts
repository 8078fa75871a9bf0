import assert from "node:assert/strict";
import { principalOf } from "../../schema/principal.ts";
import type { Keys } from "../auth.ts";
import { graphqlProtocol } from "../graphql/graphql_websocket.ts";
import { sseData, subscribeSse } from "../testing/event_stream.ts";
import { type Answer, SocketClient } from "../testing/socket_client.ts";
import {
  event,
  serving,
  type TestGateway,
  testGateway,
  testKeys,
  until,
} from "../testing/test_gateway.ts";

const playerOf = (userId: string) =>
  principalOf({ id: `demo/${userId}`, role: "player", studio: "demo", userId });
const players = new Map(["device-9", "ann"].map((id) => [`player.${id}`, playerOf(id)]));
const keys: Keys = {
  resolve: (token) => players.get(token) ?? testKeys.resolve(token),
  hmac: testKeys.hmac,
};

/** What each has sent; their names tell whose it is. */
const sent = [
  event({ event_id: "device-1", user_id: "device-9" }),
  event({ event_id: "ann-1", user_id: "ann" }),
  event({ event_id: "device-2", user_id: "device-9", game_id: "go" }),
  event({ event_id: "ann-2", user_id: "ann", properties: { secret: "of ann" } }),
  event({ event_id: "bob-1", user_id: "bob" }),
];

interface Served {
  readonly url: string;
  readonly gateway: TestGateway;
  ask(query: string, key?: string): Promise<Answer>;
}

/** Runs `use` against a gateway on a port, where `device-9` is `ann` unless it is said otherwise. */
async function served(use: (served: Served) => Promise<void>, isLinked = true): Promise<void> {
  const gateway = testGateway({ keys });
  assert.equal((await gateway.post(sent)).status, 202);
  if (isLinked) gateway.platform.link("demo", "device-9", "ann");
  await serving(gateway, async (url) => {
    const ask = async (query: string, key = "full") => {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ query }),
      });
      return await response.json();
    };
    await use({ url, gateway, ask });
  });
  assert.equal(gateway.platform.watchers, 0);
}

const codeOf = ({ errors }: Answer) => errors?.[0].extensions.code;
const idsOf = ({ data }: Answer): string[] =>
  data.events.edges.map(({ node }: Answer) => node.id).sort();

Deno.test("player(id: alias) is answered with who it is, over HTTP", async () => {
  await served(async ({ ask }) => {
    const fields = "{ id aliases eventsTotal }";
    const { data } = await ask(`{ alias: player(id: "device-9") ${fields}
      self: player(id: "ann") ${fields} bob: player(id: "bob") ${fields}
      go: player(id: "device-9", gameId: "go") ${fields} }`);
    const ann = { id: "ann", aliases: ["device-9"], eventsTotal: 4 };
    assert.deepEqual(data, {
      alias: ann,
      self: ann,
      bob: { id: "bob", aliases: [], eventsTotal: 1 },
      go: { ...ann, eventsTotal: 1 },
    });
    // Another studio knows neither id.
    const other = await ask(`{ player(id: "device-9") { id } }`, "other");
    assert.deepEqual(other, { data: { player: null } });
  });
});

Deno.test("events() pages through those of all ids of a player, each once, over HTTP", async () => {
  await served(async ({ ask }) => {
    const seen: string[] = [];
    let after = "";
    for (let page = 0; page < 4; page++) {
      const { data } = await ask(`{ events(filter: { userId: "ann" }, first: 1${after}) {
        edges { node { id userId } } pageInfo { hasNextPage endCursor } } }`);
      const { edges, pageInfo } = data.events;
      seen.push(...edges.map(({ node }: Answer) => `${node.userId} ${node.id}`));
      assert.equal(pageInfo.hasNextPage, page < 3);
      after = `, after: "${pageInfo.endCursor}"`;
    }
    assert.deepEqual(seen, ["ann ann-2", "device-9 device-2", "ann ann-1", "device-9 device-1"]);
    const own = await ask(`{ events(filter: { userId: "device-9" }) { edges { node { id } } } }`);
    assert.deepEqual(idsOf(own), ["device-1", "device-2"]);
  });
});

/** Reads a subscription over server-sent events. */
async function streaming(
  { url, gateway }: Served,
  selection: string,
  key: string,
  use: (next: () => Promise<Answer>) => Promise<void>,
): Promise<void> {
  const leave = new AbortController();
  // What never comes is an error, too.
  const timer = setTimeout(() => leave.abort(new Error("Waited 10 s in vain")), 10_000);
  const response = await subscribeSse(url, `subscription { ${selection} }`, leave.signal, key);
  const answers = sseData(response);
  try {
    await use(async () => (await answers.next()).value);
  } finally {
    clearTimeout(timer);
    leave.abort();
    await answers.next().catch(() => {});
    await until(() => gateway.platform.watchers === 0, "the watch ends with the client");
  }
}

Deno.test("playerUpdated(id: alias) goes along when the alias is linked (SSE)", async () => {
  await served(async (all) => {
    const { gateway: { platform, post } } = all;
    const selection = `playerUpdated(id: "device-9") { id eventsTotal }`;
    await streaming(all, selection, "full", async (next) => {
      await until(() => platform.watchers === 1, "the subscription watches");
      await post(event({ user_id: "device-9" }));
      assert.deepEqual((await next()).data.playerUpdated, { id: "device-9", eventsTotal: 3 });
      platform.link("demo", "device-9", "ann");
      assert.deepEqual((await next()).data.playerUpdated, { id: "ann", eventsTotal: 5 });
      await post(event({ user_id: "ann" }));
      assert.equal((await next()).data.playerUpdated.eventsTotal, 6);
    });
  }, false);
});

Deno.test("/ws follows a merged player, and tells him at once to who resumes", async () => {
  await served(async ({ url, gateway: { platform, post } }) => {
    const client = await SocketClient.open(url, "/ws", { key: "full" });
    const subscribe = { type: "subscribe", user_id: "device-9" };
    assert.deepEqual(await client.ask(subscribe), { ...subscribe, type: "subscribed" });
    await until(() => platform.watchers === 1, "the alias is watched");
    await post(event({ user_id: "device-9" }));
    const alone = await client.answer();
    assert.deepEqual([alone.user_id, alone.events_total], ["device-9", 3]);
    platform.link("demo", "device-9", "ann");
    const merged = await client.answer();
    assert.deepEqual(
      [merged.user_id, merged.aliases, merged.events_total],
      ["ann", ["device-9"], 5],
    );
    await client.ask({ type: "unsubscribe", user_id: "device-9" });
    await post(event({ user_id: "ann" }));
    await client.ask({ ...subscribe, resume_from: alone.position });
    const resumed = await client.answer();
    assert.deepEqual([resumed.user_id, resumed.events_total], ["ann", 6]);
    await client.close();
    await until(() => platform.watchers === 0, "the watch ends with the socket");
  }, false);
});

Deno.test("a player's token reads nobody through an alias, whoever was linked to whom", async () => {
  await served(async ({ ask }) => {
    // The alias is no player of its own any more, and its token is not led on.
    for (const id of ["device-9", "ann", "bob"]) {
      const result = await ask(`{ player(id: "${id}") { id eventsTotal } }`, "player.device-9");
      assert.deepEqual([result.data.player, codeOf(result)], [null, "FORBIDDEN"], id);
    }
    const events = (filter: string) => `{ events${filter} { edges { node { id userId } } } }`;
    for (const userId of ["ann", "bob"]) {
      const query = events(`(filter: { userId: "${userId}" })`);
      assert.equal(codeOf(await ask(query, "player.device-9")), "FORBIDDEN", userId);
    }
    for (const filter of ["", `(filter: { userId: "device-9" })`]) {
      const own = await ask(events(filter), "player.device-9");
      assert.deepEqual(idsOf(own), ["device-1", "device-2"]);
    }
    // Who got an alias sees his figures with those of it, but no event that came under it.
    const ann = await ask(`{ player(id: "ann") { aliases eventsTotal } }`, "player.ann");
    assert.deepEqual(ann.data.player, { aliases: ["device-9"], eventsTotal: 4 });
    const pages = await Promise.all(
      ["", `(filter: { userId: "ann" })`].map((filter) => ask(events(filter), "player.ann")),
    );
    for (const page of pages) assert.deepEqual(idsOf(page), ["ann-1", "ann-2"]);
    for (const query of [`{ player(id: "device-9") { id } }`, `{ player(id: "bob") { id } }`]) {
      assert.equal(codeOf(await ask(query, "player.ann")), "FORBIDDEN", query);
    }
  });
});

Deno.test("a player's token hears nobody through an alias (SSE)", async () => {
  await served(async (all) => {
    const { gateway: { platform, post } } = all;
    const update = (id: string) => `playerUpdated(id: "${id}") { id eventsTotal }`;
    const key = "player.device-9";
    await streaming(all, update("ann"), key, async (next) => {
      assert.equal(codeOf(await next()), "FORBIDDEN");
    });
    // Linked while it listens: it is told so, and hears no state of who it is now.
    await streaming(all, update("device-9"), key, async (next) => {
      await until(() => platform.watchers === 1, "the subscription watches");
      platform.link("demo", "device-9", "ann");
      const answer = await next();
      assert.deepEqual([answer.data, codeOf(answer)], [undefined, "FORBIDDEN"]);
      await until(() => platform.watchers === 0, "the stream has ended");
    });
    for (const filter of ["", `(filter: { userId: "device-9" })`]) {
      await streaming(all, `eventStream${filter} { id userId }`, key, async (next) => {
        await until(() => platform.watchers === 1, "the subscription watches");
        await post([event({ user_id: "ann" }), event({ user_id: "device-9", event_id: "mine" })]);
        assert.deepEqual((await next()).data.eventStream, { id: "mine", userId: "device-9" });
      });
    }
  }, false);
});

Deno.test("a player's token hears nobody through an alias (/ws, graphql-transport-ws)", async () => {
  await served(async ({ url, gateway: { platform, post } }) => {
    const key = "player.device-9";
    const client = await SocketClient.open(url, "/ws", { key });
    const forbidden = async () => {
      const { type, code } = await client.answer();
      assert.deepEqual([type, code], ["error", "forbidden"]);
    };
    client.send({ type: "subscribe", user_id: "ann" });
    await forbidden();
    for (const over of [{}, { resume_from: "0:0" }]) {
      assert.equal(
        (await client.ask({ type: "subscribe", user_id: "device-9", ...over })).type,
        "subscribed",
      );
      if (!("resume_from" in over)) {
        await until(() => platform.watchers === 1, "the alias is watched");
        platform.link("demo", "device-9", "ann");
      }
      await forbidden();
      await until(() => platform.watchers === 0, "the watch has ended");
    }
    await post(event({ user_id: "ann" }));
    // Nothing came before the answer to what is asked last.
    const last = await client.ask({ type: "unsubscribe", user_id: "nobody" });
    assert.equal(last.type, "unsubscribed");
    await client.close();

    const graphql = await SocketClient.open(url, "/graphql", { protocol: graphqlProtocol });
    await graphql.ask({ type: "connection_init", payload: { authorization: `Bearer ${key}` } });
    const query = `subscription { playerUpdated(id: "ann") { id } }`;
    const { type, payload } = await graphql.ask({ id: "1", type: "subscribe", payload: { query } });
    const errors = type === "next" ? payload.errors : payload;
    assert.equal(codeOf({ errors }), "FORBIDDEN");
    await graphql.close();
  }, false);
});
