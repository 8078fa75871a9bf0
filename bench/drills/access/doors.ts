/**
 * Every way in for an event, with the key in every place where a protocol looks for it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { games } from "./tenants.ts";

/** A request that sends one event of a user in the game {@link games.foreign}. */
export interface DoorRequest {
  readonly path: string;
  /** @default "POST" */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Door {
  readonly name: string;
  /** @param key the bare secret or token; `""`: none */
  readonly request: (key: string, user: string) => DoorRequest;
}

const game = games.foreign;
const type = "planted";
const json = JSON.stringify;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const basic = (key: string) => ({ authorization: `Basic ${btoa(`${key}:`)}` });
/** The key held to the game, as clients write it whose protocol knows no games. */
const at = (key: string) => key === "" ? "" : `${key}@${game}`;
const query = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

const native = (user: string) => json({ event_type: type, user_id: user, game_id: game });
const track = (user: string, properties: object = {}) => ({
  type: "track",
  event: type,
  userId: user,
  properties,
});
const cloud = (user: string) => ({
  specversion: "1.0",
  id: user,
  source: "/door",
  type,
  subject: user,
});
const structured = "application/cloudevents+json";
const tp2 = "/com.snowplowanalytics.snowplow/tp2";
const snow = (user: string, aid: string) => ({
  e: "se",
  se_ca: "game",
  se_ac: type,
  uid: user,
  aid,
  p: "srv",
  tv: "1",
});
const snowBody = (user: string, aid: string) =>
  json({
    schema: "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
    data: [snow(user, aid)],
  });
const countly = (key: string, user: string) => ({
  app_key: at(key),
  device_id: user,
  events: json([{ key: type, count: 1 }]),
});

const table: Readonly<Record<string, Door["request"]>> = {
  "native, bearer": (key, user) => ({
    path: "/api/v1/events",
    headers: bearer(key),
    body: native(user),
  }),
  "native, x-api-key": (key, user) => ({
    path: "/api/v1/events",
    headers: { "x-api-key": key },
    body: native(user),
  }),
  "segment, basic": (key, user) => ({
    path: "/v1/track",
    headers: basic(key),
    body: json(track(user, { game_id: game })),
  }),
  "segment, bearer at game": (key, user) => ({
    path: "/v1/t",
    headers: bearer(at(key)),
    body: json(track(user)),
  }),
  "segment, in the body": (key, user) => ({
    path: "/v1/batch",
    body: json({ writeKey: key, batch: [track(user, { game_id: game })] }),
  }),
  "segment, in the body at game": (key, user) => ({
    path: "/v1/b/",
    headers: { "content-type": "text/plain" },
    body: json({ writeKey: at(key), batch: [track(user)] }),
  }),
  "posthog, in the body": (key, user) => ({
    path: "/batch/",
    body: json({ api_key: at(key), batch: [{ event: type, distinct_id: user }] }),
  }),
  "posthog, in the event": (key, user) => ({
    path: "/i/v0/e",
    body: json({
      event: type,
      properties: { token: key, distinct_id: user, game_id: game },
    }),
  }),
  "posthog, in the query": (key, user) => ({
    path: `/capture?${query({ token: at(key) })}`,
    body: json({ event: type, distinct_id: user }),
  }),
  "posthog, GET": (key, user) => ({
    method: "GET",
    path: `/e?${query({ api_key: at(key), data: btoa(json({ event: type, distinct_id: user })) })}`,
  }),
  "snowplow, aid": (key, user) => ({ path: tp2, body: snowBody(user, at(key)) }),
  "snowplow, bearer": (key, user) => ({
    path: tp2,
    headers: bearer(key),
    body: snowBody(user, game),
  }),
  "snowplow, pixel": (key, user) => ({ method: "GET", path: `/i?${query(snow(user, at(key)))}` }),
  "cloudevents, structured": (key, user) => ({
    path: "/cloudevents",
    headers: { ...bearer(key), "content-type": structured },
    body: json({ ...cloud(user), gameid: game, data: {} }),
  }),
  "cloudevents, batch": (key, user) => ({
    path: "/cloudevents",
    headers: { "x-api-key": at(key), "content-type": "application/cloudevents-batch+json" },
    body: json([{ ...cloud(user), data: {} }]),
  }),
  "cloudevents, binary": (key, user) => ({
    path: "/cloudevents",
    headers: {
      ...Object.fromEntries(Object.entries(cloud(user)).map(([k, v]) => [`ce-${k}`, v])),
      ...basic(key),
      "content-type": "application/json",
    },
    body: json({ game_id: game }),
  }),
  "countly, GET": (key, user) => ({ method: "GET", path: `/i?${query(countly(key, user))}` }),
  "countly, form": (key, user) => ({
    path: "/i",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: query(countly(key, user)),
  }),
  "countly, JSON": (key, user) => ({ path: "/i", body: json(countly(key, user)) }),
  "countly, bulk": (key, user) => ({
    path: "/i/bulk",
    body: json({ requests: [countly(key, user)] }),
  }),
};

export const doors: readonly Door[] = Object.entries(table)
  .map(([name, request]) => ({ name, request }));

/** A key that signs: its public id and its secret. */
export interface Pair {
  readonly id: string;
  readonly secret: string;
}

export interface Forgery {
  readonly name: string;
  /** @param theirs whom it would pass for; only its id is known to the forger. @param own the forger's */
  readonly request: (theirs: Pair, own: Pair, user: string) => DoorRequest;
}

/** GameAnalytics' endpoints, which are signed. */
const signedPaths: Readonly<Record<string, (id: string) => string>> = {
  "game analytics, events": (id) => `/v2/${id}/events`,
  "game analytics, init": (id) => `/v2/${id}/init`,
  "game analytics, configs": (id) => `/remote_configs/v1/init?game_key=${id}`,
};

const signature = (secret: string, body: string) =>
  createHmac("sha256", secret).update(body).digest("base64");

/** What the SDK would send: an array of events, and for `init` what it says of the device. */
function signedBody(path: string, user: string): string {
  if (!path.endsWith("/events")) return json({ user_id: user, platform: "webgl" });
  const event = {
    v: 2,
    user_id: user,
    client_ts: Math.floor(Date.now() / 1000),
    platform: "webgl",
  };
  const ids = { session_id: crypto.randomUUID(), session_num: 1, game_id: game };
  return json([{ ...event, ...ids, category: "design", event_id: "planted:here" }]);
}

const signers: Readonly<
  Record<string, (theirs: Pair, own: Pair, body: string) => Record<string, string>>
> = {
  "unsigned": () => ({}),
  "signed with another's secret": (_, own, body) => ({
    authorization: signature(own.secret, body),
  }),
  "signed with its id": ({ id }, _, body) => ({ authorization: signature(id, body) }),
  "signed with nothing": (_theirs, _own, body) => ({ authorization: signature("\0", body) }),
  "signature of another body": ({ secret }) => ({ authorization: signature(secret, "[]") }),
  "signature cut short": ({ secret }, _, body) => ({
    authorization: Buffer.from(signature(secret, body), "base64").subarray(0, 16)
      .toString("base64"),
  }),
  "a key in place of the signature": (_, own) => bearer(own.secret),
};

/** Requests in the name of a pair whose secret their sender does not have. */
export const forgeries: readonly Forgery[] = Object.entries(signedPaths).flatMap(([door, pathOf]) =>
  Object.entries(signers).map(([how, sign]) => ({
    name: `${door}, ${how}`,
    request: (theirs: Pair, own: Pair, user: string) => {
      const path = pathOf(theirs.id);
      const body = signedBody(path, user);
      return { path, headers: sign(theirs, own, body), body };
    },
  }))
);

/** The same requests, rightly signed. */
export const signedDoors: readonly {
  readonly name: string;
  request(pair: Pair, user: string): DoorRequest;
}[] = Object.entries(signedPaths).map(([name, pathOf]) => ({
  name,
  request(pair, user) {
    const path = pathOf(pair.id);
    const body = signedBody(path, user);
    return { path, headers: { authorization: signature(pair.secret, body) }, body };
  },
}));
