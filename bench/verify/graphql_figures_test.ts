import assert from "node:assert/strict";
import { asciiJson, GraphqlReader } from "./graphql_figures.ts";

type Asked = { query: string; variables: Record<string, string> };

async function withGraphql(
  answer: (asked: Asked) => unknown,
  use: (reader: GraphqlReader, asked: Asked[]) => Promise<void>,
): Promise<void> {
  const all: Asked[] = [];
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const asked = await request.json() as Asked;
      all.push(asked);
      return Response.json(answer(asked));
    },
  );
  const url = new URL(`http://127.0.0.1:${server.addr.port}`);
  const reader = new GraphqlReader({ url, key: "k" }, 2);
  try {
    await use(reader, all);
  } finally {
    reader.close();
    await server.shutdown();
  }
}

const game = { eventsTotal: 1, ccu: 0, eventCounts: [], days: [] };

Deno.test("GraphqlReader.game() asks for long ranges in pieces that meet, without overlap", async () => {
  await withGraphql(() => ({ data: { game } }), async (reader, asked) => {
    await reader.game("g", ["2024-01-01", "2026-06-30"], []);
    const ranges = asked.map(({ variables }) => [variables["from"]!, variables["to"]!] as const);
    assert.equal(ranges.length, 3);
    assert.deepEqual([ranges[0]![0], ranges.at(-1)![1]], ["2024-01-01", "2026-06-30"]);
    for (let i = 1; i < ranges.length; i++) {
      assert.equal(Date.parse(ranges[i]![0]) - Date.parse(ranges[i - 1]![1]), 86_400_000);
    }
  });
});

Deno.test("GraphqlReader.game() asks for many currencies a few at a time and puts them together", async () => {
  const currencies = Array.from(
    { length: 45 },
    (_, i) => `A${String.fromCharCode(65 + i % 26)}${i < 26 ? "X" : "Y"}`,
  );
  const answer = ({ query }: Asked) => {
    const named = [...new Set([...query.matchAll(/r_(\w+):/g)].map((match) => match[1]!))];
    assert.ok(named.length <= 20);
    const revenue = Object.fromEntries(named.map((c) => [`r_${c}`, currencies.indexOf(c)]));
    const day = { day: "2026-01-01", events: 1, dau: 1, wau: 1, mau: 1, newPlayers: 1 };
    const days = [{ ...day, sessions: 1, payers: 1, ...revenue }];
    return { data: { game: { ...game, ...revenue, days } } };
  };
  await withGraphql(answer, async (reader) => {
    const found = (await reader.game("g", ["2026-01-01", "2026-01-01"], currencies))!;
    const expected = Object.fromEntries(currencies.map((c, i) => [c, i]));
    assert.deepEqual(found.revenue, expected);
    assert.deepEqual(found.days["2026-01-01"]!.revenue, expected);
  });
});

Deno.test("GraphqlReader carries any id, and says which query failed", async () => {
  const answer = ({ variables }: Asked) =>
    variables["id"] === "ü\u0001😀" ? { data: { player: null } } : { errors: ["no"] };
  await withGraphql(answer, async (reader) => {
    assert.equal(await reader.player("ü\u0001😀", []), undefined);
    await assert.rejects(reader.player("u", []), /Cannot read \{"id":"u"\}: 200 .*"no"/);
  });
});

Deno.test("GraphqlReader serves more callers than it has connections", async () => {
  await withGraphql(() => ({ data: { game } }), async (reader) => {
    const counts = await Promise.all(Array.from({ length: 20 }, () => reader.gameEvents("g")));
    assert.deepEqual(counts, new Array(20).fill(1));
  });
});

Deno.test("asciiJson() escapes everything that is not ASCII", () => {
  const value = { "ä": "\u2028 \ud83d\ude00 \n" };
  const text = asciiJson(value);
  assert.match(text, /^[\x20-\x7e]*$/);
  assert.deepEqual(JSON.parse(text), value);
});

Deno.test("GraphqlReader asks once more over a new connection when the old one was closed", async () => {
  const body = JSON.stringify({ data: { game } });
  const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let connections = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      connections++;
      await connection.read(new Uint8Array(64 * 1024));
      await connection.write(new TextEncoder().encode(answer));
      // As if nothing had come for a while.
      connection.close();
    }
  })();
  const url = new URL(`http://127.0.0.1:${listener.addr.port}`);
  const reader = new GraphqlReader({ url, key: "k" }, 1);
  try {
    for (let i = 0; i < 3; i++) assert.equal(await reader.gameEvents("g"), 1);
    assert.equal(connections, 3);
  } finally {
    reader.close();
    listener.close();
    await serving;
  }
});
