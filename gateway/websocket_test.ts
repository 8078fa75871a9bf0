import assert from "node:assert/strict";
import { OutcomeUnknown, Unavailable } from "../schema/errors.ts";
import { limits } from "../schema/limits.ts";
import { RawClient, textFrame } from "./socket/testing/raw_client.ts";
import { SocketClient } from "./testing/socket_client.ts";
import { event, serving, type TestGateway, testGateway, until } from "./testing/test_gateway.ts";

/** Runs `use` with a client of `/ws`, by default one that its header has authenticated. */
async function connected(
  use: (client: SocketClient, gateway: TestGateway) => Promise<void>,
  { key = "full" as string | null, gateway = testGateway() } = {},
): Promise<void> {
  await serving(gateway, async (url) => {
    const client = await SocketClient.open(url, "/ws", key === null ? {} : { key });
    try {
      await use(client, gateway);
    } finally {
      await client.close();
    }
    await until(() => gateway.platform.watchers === 0, "the watches end with the socket");
  });
}
const anonymous = { key: null };

Deno.test("/ws acknowledges events with verdicts, by header or first message", async () => {
  const batch = [event({ event_id: "a" }), event({ timestamp: "never" })];
  const exchange = async (client: SocketClient, { platform }: TestGateway) => {
    const ack = await client.ask({ type: "events", id: 7, events: batch });
    assert.deepEqual([ack.type, ack.id, ack.accepted], ["ack", 7, 1]);
    assert.deepEqual([ack.rejected[0].index, ack.rejected[0].code], [1, "invalid_timestamp"]);
    assert.equal(platform.stored[0]!.event.event_id, "a");
    assert.equal(platform.deadLetters.length, 1);
  };
  await connected(exchange);
  await connected(async (client, gateway) => {
    const answer = await client.ask({ type: "auth", token: "full" });
    assert.deepEqual(answer, { type: "authenticated" });
    await exchange(client, gateway);
  }, anonymous);
});

Deno.test("/ws takes binary frames of UTF-8 too, and acknowledges all-bad batches", async () => {
  await connected(async (client) => {
    const bytes = new TextEncoder().encode(`{"type":"events","id":"x","events":[1]}`);
    const ack = await client.ask(bytes);
    assert.deepEqual([ack.type, ack.id, ack.accepted, ack.rejected.length], ["ack", "x", 0, 1]);
    assert.equal((await client.ask(new Uint8Array([0xff]))).code, "invalid_json");
  });
});

Deno.test("/ws refuses a wrong key before the upgrade", async () => {
  await serving(testGateway(), async (url) => {
    await assert.rejects(SocketClient.open(url, "/ws", { key: "nobody" }), /refused/);
  });
});

Deno.test("/ws closes with 4408 when no auth comes in time", async () => {
  await connected(async (client) => {
    assert.equal(await client.closed(), 4408);
  }, { key: null, gateway: testGateway({ webSocketAuthMs: 30 }) });
});

Deno.test("/ws closes with 1008 on a wrong token and on events before auth", async () => {
  for (const token of ["nobody", "", 7, undefined]) {
    await connected(async (client) => {
      assert.equal((await client.ask({ type: "auth", token })).code, "unauthorized");
      assert.equal(await client.closed(), 1008);
    }, anonymous);
  }
  await connected(async (client, { platform }) => {
    const answer = await client.ask({ type: "events", id: 1, events: [event()] });
    assert.equal(answer.code, "unauthorized");
    assert.equal(await client.closed(), 1008);
    assert.equal(platform.stored.length, 0);
  }, anonymous);
});

Deno.test("/ws answers malformed messages and stays open", async () => {
  await connected(async (client) => {
    const cases: [unknown, string][] = [
      ["{", "invalid_json"],
      ["[]", "not_an_object"],
      ["7", "not_an_object"],
      ["[".repeat(100_000), "too_deep"],
      [{ type: "nonsense" }, "bad_request"],
      [{}, "bad_request"],
      [{ type: "auth", token: "full" }, "bad_request"],
      [{ type: "events", events: [event()] }, "missing_field"],
      [{ type: "events", id: {}, events: [event()] }, "missing_field"],
      [{ type: "events", id: 1, events: [] }, "invalid_field"],
      [{ type: "events", id: 1, events: { a: 1 } }, "invalid_field"],
      [{ type: "events", id: 1, events: Array(1001).fill(1) }, "too_large"],
      [{ type: "subscribe" }, "invalid_field"],
      [{ type: "subscribe", user_id: "\ud800" }, "invalid_field"],
      [{ type: "subscribe", user_id: "u\0" }, "invalid_field"],
      [{ type: "subscribe", user_id: "u-1", game_id: "g\0" }, "invalid_field"],
    ];
    for (const [message, code] of cases) {
      const answer = await client.ask(message);
      assert.deepEqual([answer.type, answer.code], ["error", code]);
    }
    assert.equal((await client.ask({ type: "events", id: 1, events: [event()] })).type, "ack");
  });
});

Deno.test("/ws closes with 1009 when a message is larger than a request may be", async () => {
  await connected(async (client) => {
    client.send("x".repeat(limits.requestBytesMax + 1));
    assert.equal(await client.closed(), 1009);
  });
});

Deno.test("/ws tells which message was not accepted, and why", async () => {
  await connected(async (client, { platform }) => {
    const send = (id: number) => client.ask({ type: "events", id, events: [event()] });
    platform.beforeWrite = () => Promise.reject(new Unavailable("log", "full"));
    const refused = await send(1);
    assert.deepEqual([refused.id, refused.code, refused.retry_after], [1, "unavailable", 1]);
    platform.beforeWrite = () => Promise.reject(new OutcomeUnknown("log", "timeout"));
    assert.equal((await send(2)).code, "outcome_unknown");
    platform.beforeWrite = () => {};
    assert.equal((await send(3)).type, "ack");
  });
});

Deno.test("/ws refuses messages beyond those it may have under way", async () => {
  await connected(async (client, { platform }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    platform.beforeWrite = () => promise;
    const send = (id: number) => client.send({ type: "events", id, events: [event()] });
    for (let id = 0; id <= limits.webSocketInFlightMax; id++) send(id);
    const refused = await client.answer();
    assert.deepEqual([refused.id, refused.code], [limits.webSocketInFlightMax, "rate_limited"]);
    resolve();
    for (let id = 0; id < limits.webSocketInFlightMax; id++) {
      assert.equal((await client.answer()).type, "ack");
    }
    send(99);
    assert.equal((await client.answer()).type, "ack");
  });
});

Deno.test("/ws sends a watched player after each change until it is unsubscribed", async () => {
  await connected(async (client, { post, platform }) => {
    const subscribed = await client.ask({ type: "subscribe", user_id: "u-1" });
    assert.deepEqual(subscribed, { type: "subscribed", user_id: "u-1" });
    await post(event({ user_id: "u-2" }));
    await post(event({ session_id: "s" }));
    const update = await client.answer();
    assert.deepEqual([update.type, update.user_id, update.events_total], ["player", "u-1", 1]);
    assert.equal(update.current_session.started_at, "2026-01-15T12:00:00.000Z");
    await post(event());
    assert.equal((await client.answer()).events_total, 2);
    const unsubscribed = await client.ask({ type: "unsubscribe", user_id: "u-1" });
    assert.equal(unsubscribed.type, "unsubscribed");
    await until(() => platform.watchers === 0, "the watch ends");
  });
});

Deno.test("/ws lets watch only who may read, and only their games", async () => {
  await connected(async (client) => {
    assert.equal((await client.ask({ type: "subscribe", user_id: "u-1" })).code, "forbidden");
  }, { key: "writer" });
  await connected(async (client) => {
    assert.equal(
      (await client.ask({ type: "events", id: 1, events: [event()] })).code,
      "forbidden",
    );
  }, { key: "reader" });
  await connected(async (client, { post }) => {
    assert.equal((await client.ask({ type: "subscribe", user_id: "u-1" })).code, "forbidden");
    await client.ask({ type: "subscribe", user_id: "u-1", game_id: "go" });
    await post([event({ game_id: "go" }), event()]);
    assert.equal((await client.answer()).events_total, 1);
  }, { key: "two" });
});

Deno.test("/ws tells of another game once it is asked for, in place of the one before", async () => {
  await connected(async (client, { post, platform }) => {
    await client.ask({ type: "subscribe", user_id: "u-1", game_id: "go" });
    await post([event({ game_id: "go" }), event({ game_id: "go" }), event()]);
    assert.equal((await client.answer()).events_total, 2);
    const chess = { type: "subscribe", user_id: "u-1", game_id: "chess" };
    for (const message of [chess, chess]) {
      assert.equal((await client.ask(message)).type, "subscribed");
    }
    await until(() => platform.watchers === 1, "the one before has ended");
    await post(event());
    assert.equal((await client.answer()).events_total, 2);
    // As does who resumes what he watches already.
    const answer = await client.ask({ ...chess, resume_from: "0:0" });
    assert.deepEqual(answer, { type: "subscribed", user_id: "u-1" });
    assert.equal((await client.answer()).events_total, 2);
    assert.equal((await client.ask({ type: "unsubscribe", user_id: "u-1" })).type, "unsubscribed");
  });
});

Deno.test("/ws tells when a watch breaks, without its inside", async () => {
  await connected(async (client, { post, platform, logged }) => {
    await client.ask({ type: "subscribe", user_id: "u-1" });
    platform.beforeAsk = () => Promise.reject(new Error("secret"));
    await post(event());
    const failed = await client.answer();
    assert.deepEqual([failed.type, failed.code], ["error", "internal"]);
    assert.ok(!JSON.stringify(failed).includes("secret"));
    assert.match(String(logged[0]!.fields.error), /secret/);
  });
});

Deno.test("/ws bounds the players one connection may watch", async () => {
  await connected(async (client) => {
    for (let i = 0; i < limits.webSocketSubscriptionsMax; i++) {
      const answer = await client.ask({ type: "subscribe", user_id: `u-${i}` });
      assert.equal(answer.type, "subscribed");
    }
    assert.equal((await client.ask({ type: "subscribe", user_id: "u-0" })).type, "subscribed");
    assert.equal((await client.ask({ type: "subscribe", user_id: "more" })).code, "rate_limited");
  });
});

Deno.test("/ws sends the present state at once to who resumes and has missed a change", async () => {
  await connected(async (client, { post }) => {
    await client.ask({ type: "subscribe", user_id: "u-1" });
    await post(event());
    const seen = await client.answer();
    assert.equal(seen.position, seen.version);
    await client.ask({ type: "unsubscribe", user_id: "u-1" });
    await post(event());
    const resume = { type: "subscribe", user_id: "u-1", resume_from: seen.position };
    assert.equal((await client.ask(resume)).type, "subscribed");
    const missed = await client.answer();
    assert.deepEqual([missed.type, missed.events_total], ["player", 2]);
    await post(event());
    assert.equal((await client.answer()).events_total, 3);
  });
});

Deno.test("/ws sends nothing to who resumes and has missed nothing, until the next change", async () => {
  await connected(async (client, { post, platform }) => {
    await client.ask({ type: "subscribe", user_id: "u-1" });
    await post(event());
    const { position } = await client.answer();
    await client.ask({ type: "unsubscribe", user_id: "u-1" });
    const asked = platform.asked.length;
    await client.ask({ type: "subscribe", user_id: "u-1", resume_from: position });
    await until(() => platform.asked.length > asked, "the present state is looked at");
    await post(event());
    assert.equal((await client.answer()).events_total, 2);
    for (const resume_from of ["", "1", "1:x", 7, { a: 1 }]) {
      const answer = await client.ask({ type: "subscribe", user_id: "u-2", resume_from });
      assert.equal(answer.code, "invalid_field");
    }
  });
});

Deno.test("/ws closes with 4429 a client that floods, and its code is read", async () => {
  await serving(testGateway(), async (url) => {
    const client = await RawClient.open(url, "/ws", "full");
    const frame = textFrame(JSON.stringify({ type: "unsubscribe", user_id: "u-1" }));
    const frames = new Uint8Array(frame.length * 200);
    for (let at = 0; at < frames.length; at += frame.length) frames.set(frame, at);
    let isClosed = false;
    const closed = client.closeCode().finally(() => isClosed = true);
    for (let i = 0; i < 1000 && !isClosed; i++) {
      await client.write(frames).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(await closed, 4429);
    client.close();
  });
});

Deno.test("/ws takes only a small message before auth", async () => {
  await connected(async (client) => {
    client.send({ type: "auth", token: "x".repeat(limits.webSocketAuthBytesMax) });
    assert.equal(await client.closed(), 1009);
  }, anonymous);
});
