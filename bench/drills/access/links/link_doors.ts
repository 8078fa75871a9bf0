/**
 * Every way to say that two user ids are one player, and every way to name an event as the platform names
 * its own: what a merge is made and taken back by.
 *
 * @module
 */
import type { DoorRequest } from "../doors.ts";

/** Who is said to be one: `alias` was `user` before. */
export interface Pair {
  readonly user: string;
  readonly alias: string;
}

export interface LinkDoor {
  readonly name: string;
  /** @param key the bare secret or token; `""`: none @param game that it is said in */
  readonly request: (key: string, game: string, pair: Pair) => DoorRequest;
}

const json = JSON.stringify;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const basic = (key: string) => ({ authorization: `Basic ${btoa(`${key}:`)}` });
/** The key held to the game, as clients write it whose protocol knows no games. */
const at = (key: string, game: string) => key === "" ? "" : `${key}@${game}`;
const query = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

/** The native event that links, as `/ws` takes it, too. */
export const linkEvent = (game: string, { user, alias }: Pair) => ({
  event_type: "alias",
  user_id: user,
  game_id: game,
  properties: { previous_id: alias },
});

const posthog = (event: string, user: string, properties: object) => ({
  event,
  distinct_id: user,
  properties,
});
const cloud = (type: string, { user }: Pair) => ({
  specversion: "1.0",
  id: user,
  source: "/link",
  type,
  userid: user,
});
const tp2 = "/com.snowplowanalytics.snowplow/tp2";
const snow = (event: object) => json({ data: [{ p: "srv", tv: "1", ...event }] });
const selfDescribing = (name: string, data: object) =>
  json({ data: { schema: `iglu:com.acme/${name}/jsonschema/1-0-0`, data } });

const table: Readonly<Record<string, LinkDoor["request"]>> = {
  "native identify": (key, game, { user, alias }) => ({
    path: "/api/v1/events",
    headers: bearer(key),
    body: json({
      event_type: "identify",
      user_id: user,
      game_id: game,
      properties: { anonymous_id: alias },
    }),
  }),
  "native alias": (key, game, pair) => ({
    path: "/api/v1/events",
    headers: { "x-api-key": key },
    body: json([linkEvent(game, pair)]),
  }),
  "segment identify": (key, game, { user, alias }) => ({
    path: "/v1/identify",
    headers: basic(key),
    body: json({ userId: user, anonymousId: alias, context: { game_id: game } }),
  }),
  "segment alias": (key, game, { user, alias }) => ({
    path: "/v1/batch",
    body: json({
      writeKey: at(key, game),
      batch: [{ type: "alias", userId: user, previousId: alias }],
    }),
  }),
  "posthog $identify": (key, game, { user, alias }) => ({
    path: "/batch/",
    body: json({
      api_key: at(key, game),
      batch: [posthog("$identify", user, { $anon_distinct_id: alias })],
    }),
  }),
  "posthog $create_alias": (key, game, { user, alias }) => ({
    path: "/i/v0/e",
    body: json({ token: at(key, game), ...posthog("$create_alias", user, { alias }) }),
  }),
  "posthog $merge_dangerously": (key, game, { user, alias }) => ({
    method: "GET",
    path: `/e?${
      query({
        api_key: at(key, game),
        data: btoa(json(posthog("$merge_dangerously", user, { alias }))),
      })
    }`,
  }),
  "snowplow se": (key, game, { user, alias }) => ({
    path: tp2,
    headers: bearer(key),
    body: snow({ e: "se", se_ca: "x", se_ac: "alias", se_la: alias, uid: user, aid: game }),
  }),
  "snowplow ue": (key, game, { user, alias }) => ({
    path: tp2,
    body: snow({
      e: "ue",
      ue_pr: selfDescribing("identify", {}),
      uid: user,
      duid: alias,
      aid: at(key, game),
    }),
  }),
  "cloudevents identify": (key, game, pair) => ({
    path: "/cloudevents",
    headers: { ...bearer(key), "content-type": "application/cloudevents+json" },
    body: json({
      ...cloud("com.acme.identify", pair),
      gameid: game,
      data: { anonymous_id: pair.alias },
    }),
  }),
  "cloudevents alias": (key, game, pair) => ({
    path: "/cloudevents",
    headers: {
      "x-api-key": at(key, game),
      "content-type": "application/cloudevents-batch+json",
    },
    body: json([{ ...cloud("alias", pair), data: { previous_id: pair.alias } }]),
  }),
  "countly device id": (key, game, { user, alias }) => ({
    path: "/i",
    body: json({ app_key: at(key, game), device_id: user, old_device_id: alias }),
  }),
};

export const linkDoors: readonly LinkDoor[] = Object.entries(table)
  .map(([name, request]) => ({ name, request }));

/** An event as a client may not name it. */
export interface NamedEvent {
  readonly type: string;
  readonly user: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

const named: Readonly<
  Record<string, (key: string, game: string, event: NamedEvent) => DoorRequest>
> = {
  native: (key, game, { type, user, properties }) => ({
    path: "/api/v1/events",
    headers: bearer(key),
    body: json({ event_type: type, user_id: user, game_id: game, properties }),
  }),
  segment: (key, game, { type, user, properties }) => ({
    path: "/v1/track",
    headers: basic(key),
    body: json({ event: type, userId: user, properties: { ...properties, game_id: game } }),
  }),
  posthog: (key, game, { type, user, properties }) => ({
    path: "/batch/",
    body: json({ api_key: at(key, game), batch: [posthog(type, user, properties)] }),
  }),
  snowplow: (key, game, { type, user, properties }) => ({
    path: tp2,
    headers: bearer(key),
    body: snow({ e: "ue", ue_pr: selfDescribing(type, properties), uid: user, aid: game }),
  }),
  cloudevents: (key, game, { type, user, properties }) => ({
    path: "/cloudevents",
    headers: { ...bearer(key), "content-type": "application/cloudevents+json" },
    body: json({ ...cloud(type, { user, alias: "" }), gameid: game, data: properties }),
  }),
  countly: (key, game, { type, user, properties }) => ({
    path: "/i",
    body: json({
      app_key: at(key, game),
      device_id: user,
      events: [{ key: type, count: 1, segmentation: properties }],
    }),
  }),
};

/** Doors through which an event keeps the name that its sender gives it, or is refused. */
export const namingDoors: readonly {
  readonly name: string;
  readonly request: (key: string, game: string, event: NamedEvent) => DoorRequest;
}[] = Object.entries(named).map(([name, request]) => ({ name, request }));
