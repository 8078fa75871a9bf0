import assert from "node:assert/strict";
import type { PlayerEvent } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import { PageBudget, PageLease } from "../limits/page_budget.ts";
import { InMemoryPlatform } from "../testing/in_memory_platform.ts";
import { until } from "../testing/test_gateway.ts";
import { eventFeed, EventGap, type FeedOptions, gapText } from "./event_feed.ts";

const start = 1_800_000_000_000;

const event = (id: number | string, user_id = "u"): PlayerEvent => ({
  studio: "s",
  event_id: String(id),
  event_type: "t",
  user_id,
  game_id: "g",
  timestamp: 0,
  properties: {},
  context: {},
});

function world() {
  const time = { ms: start };
  const platform = new InMemoryPlatform(() => time.ms);
  const stop = new AbortController();
  const feed = (options: FeedOptions = {}, filter = {}) =>
    eventFeed(platform, "s", filter, stop.signal, { now: () => time.ms, settleMs: 0, ...options });
  return { time, platform, stop, feed };
}

async function take(feed: AsyncGenerator<{ id: string }>, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const { done, value } = await feed.next();
    if (done) break;
    ids.push(value.id);
  }
  return ids;
}

Deno.test("eventFeed() tells what is new, and ends with its signal", async () => {
  const { platform, stop, feed } = world();
  await platform.accept([event("before")]);
  const events = feed();
  const first = take(events, 2);
  await platform.accept([event(1), event(2)]);
  assert.deepEqual(await first, ["1", "2"]);
  stop.abort();
  assert.deepEqual(await take(events, 1), []);
});

Deno.test("eventFeed() tells first what arrived since, oldest first, and nothing twice", async () => {
  const { time, platform, stop, feed } = world();
  await platform.accept([event("long ago")]);
  time.ms += limits.resumeSlackMs + 5_000;
  await platform.accept([event(1), event(2, "other"), event(3)]);
  const seenAt = time.ms;
  time.ms += 1_000;
  await platform.accept([event(4)]);
  const events = feed({ since: seenAt }, { userId: "u" });
  assert.deepEqual(await take(events, 1), ["1"]);
  await platform.accept([event(5), event(6, "other"), event(7)]);
  assert.deepEqual(await take(events, 4), ["3", "4", "5", "7"]);
  assert.ok(platform.pages.every(({ isFresh }) => isFresh), "no replica was asked");
  stop.abort();
});

Deno.test("eventFeed() tells once what is committed while the journal is read", async () => {
  const { platform, stop, feed } = world();
  await platform.accept([event(1)]);
  const events = feed({ since: start });
  const pages = platform.events.bind(platform);
  platform.events = async (...query) => {
    // Both in the page and in the watch, and in the watch alone.
    await platform.accept([event(2)]);
    const page = await pages(...query);
    await platform.accept([event(3)]);
    return page;
  };
  assert.deepEqual(await take(events, 3), ["1", "2", "3"]);
  await platform.accept([event(4)]);
  assert.deepEqual(await take(events, 1), ["4"]);
  stop.abort();
});

Deno.test("eventFeed() goes through as many pages as there are, to its bound", async () => {
  const { platform, stop, feed } = world();
  const count = 2 * limits.pageSizeMax + 7;
  await platform.accept(Array.from({ length: count }, (_, i) => event(i)));
  const ids = await take(feed({ since: start }), count);
  assert.deepEqual([ids[0], ids.at(-1), ids.length], ["0", String(count - 1), count]);
  const most = limits.resumePagesMax * limits.pageSizeMax;
  await platform.accept(Array.from({ length: most }, (_, i) => event(i)));
  await assert.rejects(take(feed({ since: start }), 1), EventGap);
  stop.abort();
});

Deno.test("eventFeed() reads newer pages when it comes to them, and loses nothing as they move", async () => {
  const { platform, stop, feed } = world();
  const { pageSizeMax: size } = limits;
  await platform.accept(Array.from({ length: 4 * size }, (_, i) => event(i)));
  let reads = 0;
  const pages = platform.events.bind(platform);
  platform.events = async (...query) => {
    const page = await pages(...query);
    // The second time pages end elsewhere, as when something was committed late.
    return ++reads > 4
      ? { ...page, events: page.events.slice(0, 0.7 * size), hasNextPage: true }
      : page;
  };
  const events = feed({ since: start });
  const ids = await take(events, size);
  assert.equal(reads, 4);
  ids.push(...await take(events, 1));
  assert.equal(reads, 6, "the one page that is told next");
  ids.push(...await take(events, 3 * size - 1));
  assert.deepEqual(ids, Array.from({ length: 4 * size }, (_, i) => String(i)));
  stop.abort();
});

Deno.test("eventFeed() names from where on something is missing", async () => {
  const { time, platform, stop, feed } = world();
  time.ms += limits.resumeMsMax + 1;
  await assert.rejects(take(feed({ since: start }), 1), (error) => {
    assert.ok(error instanceof EventGap);
    assert.equal(error.from, start);
    assert.match(gapText(error), /10 minutes.*2027-01-15T08:00:00.000Z/);
    return true;
  });
  const slow = feed();
  const first = take(slow, 1);
  await platform.accept([event(1)]);
  await first;
  time.ms += 1_000;
  platform.loseEvents();
  await assert.rejects(take(slow, 1), (error) => {
    assert.ok(error instanceof EventGap);
    assert.equal(error.from, time.ms - 1_000);
    return true;
  });
  stop.abort();
});

Deno.test("eventFeed() holds a page for one who reads, and for so long only", async () => {
  const { platform, stop, feed } = world();
  await platform.accept(Array.from({ length: 3 * limits.pageSizeMax }, (_, i) => event(i)));
  const budget = new PageBudget();
  const aPage = () => limits.pageSizeMax * (limits.eventFrameBytes + "{}{}".length);
  const reading = feed({ since: start, pages: new PageLease(budget, "k") });
  await take(reading, 1);
  assert.equal(budget.bytesTaken, aPage());
  await take(reading, 2 * limits.pageSizeMax);
  assert.equal(budget.bytesTaken, aPage());
  await reading.return(undefined);
  assert.equal(budget.bytesTaken, 0);
  const stalled = feed({ since: start, pages: new PageLease(budget, "k"), holdMs: 5 });
  await take(stalled, 1);
  await until(() => budget.bytesTaken === 0, "the page is taken from who does not read");
  await assert.rejects(take(stalled, 1), EventGap);
  stop.abort();
});
