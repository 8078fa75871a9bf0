/**
 * The official SDKs, each sending what `expected.ts` says it sends: something of a player who has not
 * logged in, the link to the one he is, and more of him. The options are those that make them retry
 * soon; everything else is their default.
 *
 * @module
 */

/** Sends, and resolves once the SDK holds nothing any more. */
export type Client = (url: string, key: string, user: string) => Promise<void>;

/** Polls until `isDone`; the program that waits for this one has the deadline. */
export async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const segment: Client = async (url, key, user) => {
  const { Analytics } = await import("@segment/analytics-node");
  const analytics = new Analytics({ writeKey: key, host: url, flushAt: 5, flushInterval: 50 });
  const anonymousId = `${user}-anonymous`;
  const gift = { order_id: "o-0", revenue: 1, currency: "USD" };
  analytics.track({ anonymousId, event: "Order Completed", properties: gift });
  analytics.page({ anonymousId, name: "Start" });
  analytics.identify({ userId: user, anonymousId, traits: { plan: "gold" } });
  const order = { order_id: "o-1", revenue: 4.99, currency: "USD" };
  analytics.track({ userId: user, event: "Order Completed", properties: order });
  analytics.track({ userId: user, event: "Level Completed", properties: { level: 3, score: 70 } });
  analytics.alias({ userId: user, previousId: anonymousId });
  analytics.page({ userId: user, name: "Shop" });
  await analytics.closeAndFlush({ timeout: 20_000 });
};

const rudderstack: Client = async (url, key, user) => {
  const { default: Analytics } = await import("@rudderstack/rudder-sdk-node");
  const analytics = new Analytics(key, { dataPlaneUrl: url, flushAt: 20, flushInterval: 50 });
  analytics.track({ anonymousId: `${user}-anonymous`, event: "Song Played" });
  analytics.identify({ userId: user, traits: { plan: "gold" } });
  const order = { order_id: "o-2", total: 1200, currency: "JPY" };
  analytics.track({ userId: user, event: "Order Completed", properties: order });
  analytics.track({ userId: user, event: "Level Failed", properties: { level: 4 } });
  let left = 3;
  analytics.track({ userId: user, event: "Song Played" }, () => left--);
  analytics.alias({ userId: user, previousId: `${user}-anonymous` }, () => left--);
  analytics.flush(() => left--);
  await until(() => left <= 0);
};

const posthog: Client = async (url, key, user) => {
  const { PostHog } = await import("posthog-node");
  const options = { host: url, flushAt: 20, flushInterval: 50, fetchRetryDelay: 50 };
  const posthog = new PostHog(key, options);
  const gift = { revenue: 1, currency: "EUR" };
  posthog.capture({ distinctId: `${user}-anonymous`, event: "purchase", properties: gift });
  posthog.capture({ distinctId: `${user}-device`, event: "quest accepted" });
  posthog.identify({
    distinctId: user,
    properties: { $anon_distinct_id: `${user}-anonymous`, plan: "gold" },
  });
  posthog.alias({ distinctId: user, alias: `${user}-device` });
  posthog.capture({
    distinctId: user,
    event: "purchase",
    properties: { revenue: 2.5, currency: "EUR", item: "gem" },
  });
  posthog.capture({ distinctId: user, event: "quest accepted", properties: { quest: "q-1" } });
  posthog.captureException(new Error("It broke"), user);
  posthog.groupIdentify({ groupType: "guild", groupKey: "g-1" });
  const flags = await posthog.getAllFlags(user);
  if (Object.keys(flags).length > 0) throw new Error("There should be no flags");
  await posthog.shutdown(20_000);
};

const snowplow: Client = async (url, key, user) => {
  const { newTracker, ...build } = await import("@snowplow/node-tracker");
  let sent = 0;
  const tracker = newTracker({ namespace: "game", appId: key }, {
    endpoint: url,
    bufferSize: 5,
    onRequestSuccess: (events) => void (sent += events.length),
  });
  tracker.setSessionId("s-1");
  tracker.setDomainUserId(`${user}-anonymous`);
  tracker.track(build.buildPageView({ pageUrl: "https://acme.test/", pageTitle: "Start" }));
  tracker.setUserId(user);
  const identify = { schema: "iglu:com.acme/identify/jsonschema/1-0-0", data: {} };
  tracker.track(build.buildSelfDescribingEvent({ event: identify }));
  const level = { category: "game", action: "level_complete", label: "12", value: 900 };
  tracker.track(build.buildStructEvent(level));
  const data = { amount: 499, currency: "USD" };
  const schema = "iglu:com.acme/purchase/jsonschema/1-0-0";
  const context = { schema: "iglu:com.acme/device/jsonschema/1-0-0", data: { model: "m" } };
  tracker.track(build.buildSelfDescribingEvent({ event: { schema, data } }), [context]);
  tracker.track(build.buildPageView({ pageUrl: "https://acme.test/shop", pageTitle: "Shop" }));
  const advert = { targetUrl: "https://ads.test", clickId: "c-1", zoneId: "top" };
  tracker.track(build.buildAdClick({ ...advert, bannerId: "b", costModel: "cpc", cost: 1 }));
  tracker.track(build.buildEcommerceTransaction({ orderId: "o-3", total: 1.5, currency: "USD" }));
  // What failed waits in the tracker's store for the next flush.
  while (sent < 7) {
    await tracker.flush();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** This SDK makes requests and leaves sending and retrying to its user. */
const cloudevents: Client = async (url, key, user) => {
  const { CloudEvent, emitterFor, Mode } = await import("cloudevents");
  async function transport(message: { headers: unknown; body: unknown }): Promise<void> {
    const headers = { ...message.headers as Record<string, string>, "x-api-key": key };
    const body = message.body as string;
    for (;;) {
      const response = await fetch(`${url}/cloudevents`, { method: "POST", headers, body });
      await response.body?.cancel();
      if (response.ok) return;
      if (response.status < 500) throw new Error(`Refused with ${response.status}`);
    }
  }
  const common = { source: "/game", subject: user };
  const binary = emitterFor(transport, { mode: Mode.BINARY });
  const structured = emitterFor(transport, { mode: Mode.STRUCTURED });
  const anonymous = `${user}-anonymous`;
  const gift = { amount: 100, currency: "USD" };
  await binary(new CloudEvent({ ...common, subject: anonymous, type: "purchase", data: gift }));
  const link = { anonymous_id: anonymous };
  await structured(new CloudEvent({ ...common, type: "com.acme.identify", data: link }));
  const level = { level: 7, score: 10 };
  await binary(new CloudEvent({ ...common, type: "com.acme.level.complete", data: level }));
  const order = { amount: 499, currency: "USD" };
  await structured(new CloudEvent({ ...common, type: "com.acme.purchase", data: order }));
  await structured(new CloudEvent({ ...common, type: "com.acme.guild_joined", data: {} }));
};

const countly: Client = async (url, key, user) => {
  const { default: countly } = await import("countly-sdk-nodejs");
  const { default: store } = await import("countly-sdk-nodejs/lib/countly-storage.js");
  countly.init({
    app_key: key,
    device_id: user,
    url,
    storage_type: "memory",
    interval: 20,
    // Seconds; a failed request waits for so long, and 0 is taken for the default of a minute.
    fail_timeout: 0.05,
  });
  const isEmpty = () =>
    store.storeGet("cly_queue", []).length === 0 && store.storeGet("cly_event", []).length === 0;
  let emptyAt = Infinity;
  // A request under way is in no queue, and is put back if it fails: so a while must pass.
  const isSent = () => {
    emptyAt = isEmpty() ? Math.min(emptyAt, performance.now()) : Infinity;
    return performance.now() - emptyAt > 1000;
  };
  const sentAll = async () => {
    emptyAt = Infinity;
    await until(isSent);
  };
  countly.begin_session();
  const segmentation = { currency: "USD" };
  countly.add_event({ key: "purchase", count: 1, sum: 4.99, segmentation });
  countly.add_event({ key: "chest_opened", count: 2 });
  countly.track_view("shop");
  countly.log_error(new Error("It broke"));
  countly.user_details({ name: "Ann" });
  await sentAll();
  countly.change_id(`${user}-known`, true);
  countly.add_event({ key: "quest" });
  await sentAll();
  countly.end_session();
  await sentAll();
};

/** By name; GameAnalytics' is in `game_analytics_client.ts`, as it needs a browser around it. */
export const clients: Readonly<Record<string, Client>> = {
  segment,
  rudderstack,
  posthog,
  snowplow,
  cloudevents,
  countly,
};
