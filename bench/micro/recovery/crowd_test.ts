import assert from "node:assert/strict";
import { Asker } from "./asker.ts";
import { Crowd, sendCrowd } from "./crowd.ts";

interface Sent {
  readonly events: readonly { readonly event_id: string; readonly user_id: string }[];
}

/** A server on loopback that answers with what `answer` says of each body. */
function serve(answer: (body: string) => Response) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => answer(await request.text()),
  );
  const target = { url: new URL(`http://127.0.0.1:${server.addr.port}`), key: "k" };
  return { target, close: () => server.shutdown() };
}

Deno.test("Crowd gives each player its events, the same for the same seed", () => {
  const crowd = new Crowd(3000, 5);
  const requests = [...crowd.requests()];
  assert.deepEqual(requests, [...new Crowd(3000, 5).requests()]);
  const events = requests.flatMap(({ body }) => (JSON.parse(body) as Sent).events);
  assert.equal(events.length, crowd.total);
  assert.ok(crowd.total > 3000 && crowd.total < 5000, `${crowd.total}`);
  assert.equal(new Set(events.map((event) => event.event_id)).size, crowd.total);
  const counts = new Map<string, number>();
  for (const { user_id } of events) counts.set(user_id, (counts.get(user_id) ?? 0) + 1);
  for (let i = 0; i < 3000; i++) assert.equal(counts.get(crowd.userId(i)), crowd.events(i));
  for (const { events: count, body } of requests) {
    assert.ok(count <= 1000 && body.length < 1024 * 1024);
  }
});

Deno.test("sendCrowd() tries again what is not accepted, and stops at a refusal", async () => {
  const crowd = new Crowd(2500, 6);
  const seen = new Set<string>();
  let calls = 0;
  const shy = serve((body) => {
    if (calls++ % 2 === 0) return new Response("later", { status: 503 });
    for (const { event_id } of (JSON.parse(body) as Sent).events) seen.add(event_id);
    return new Response('{"accepted":1,"rejected":[]}', { status: 202 });
  });
  let told = 0;
  assert.equal(await sendCrowd(crowd, shy.target, (accepted) => told = accepted), crowd.total);
  assert.deepEqual([seen.size, told], [crowd.total, crowd.total]);
  await shy.close();
  for (const status of [202, 400]) {
    const strict = serve(() => new Response('{"rejected":[{"index":0}]}', { status }));
    await assert.rejects(sendCrowd(crowd, strict.target, () => {}), /answered (202|400)/);
    await strict.close();
  }
});

Deno.test("Asker notes players with other events than they have", async () => {
  const crowd = new Crowd(100, 8);
  const answers = [{ eventsTotal: crowd.events(1) }, { eventsTotal: 99 }, null];
  const server = serve(() => {
    const data = Object.fromEntries(answers.map((answer, i) => [`p${i}`, answer]));
    return Response.json({ data });
  });
  const asker = new Asker(crowd, server.target);
  await asker.ask([1, 2, 3]);
  assert.deepEqual(asker.wrong, [
    `player 2 has 99 events of ${crowd.events(2)}`,
    `player 3 has no events of ${crowd.events(3)}`,
  ]);
  assert.equal(asker.eventsSeen, crowd.events(1) + 99);
  asker.close();
  await server.close();
  const failing = serve(() => Response.json({ data: null, errors: [{ message: "no shard" }] }));
  const other = new Asker(crowd, failing.target);
  await assert.rejects(other.ask([1]), /no shard/);
  assert.equal(other.answered, 1);
  other.close();
  await failing.close();
});
