/**
 * GameAnalytics' collector API, version 2, for the game SDKs of that vendor.
 *
 * | request | answer |
 * |---|---|
 * | `POST /remote_configs/v1/init?game_key=K`, `POST /v2/K/init` | 201 with `server_ts`, no configs, `enabled` |
 * | `POST /v2/K/events`, a JSON array, gzipped or not | 200 `{}` |
 *
 * Both are signed: `Authorization: base64(HMAC-SHA256(secret, body as sent))`.
 *
 * The SDKs drop their events for good at any answer that has a body, other than 400 with an empty
 * list, and keep them at one without. So an event that is refused goes to the dead letters under a
 * 200, whatever may pass is answered 503 **without a body**, and only what can never be taken (a
 * wrong signature, no JSON, too large) has a problem in its body.
 *
 * Events: `game_analytics_events.ts`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { HmacKey } from "../../../schema/principal.ts";
import { defaultGameOf } from "../../auth.ts";
import type { Problem } from "../../problem.ts";
import type { Handler, Route } from "../../router.ts";
import { EventIds } from "./draft.ts";
import { gameAnalyticsDraft } from "./game_analytics_events.ts";
import {
  eventList,
  Intake,
  jsonAnswer,
  jsonOf,
  type ProtocolDeps,
  protocolRoutes,
} from "./protocol.ts";

/** True when `given` is the signature of `body` by any of the key's secrets. */
function isSignedBy(key: HmacKey, body: Uint8Array, given: string | null): boolean {
  const signature = Buffer.from(given ?? "", "base64");
  let isGood = false;
  for (const secret of key.secrets) {
    const expected = createHmac("sha256", secret).update(body).digest();
    // All secrets are tried, so that the time does not tell which one it was.
    if (signature.length === expected.length && timingSafeEqual(signature, expected)) isGood = true;
  }
  return isGood;
}

/** Statuses that say "later": the SDK must keep what it sent. */
const isPassing = (status: number) => status === 429 || status >= 500;

/** Answers without a body in place of whatever would make the SDK drop its events. */
function refuse(problem: Problem, _request: Request, requestId: string): Response {
  if (!isPassing(problem.status)) return problem.toResponse(requestId);
  const retryAfter = problem.options.headers?.["retry-after"] ?? "1";
  return new Response(null, { status: 503, headers: { "retry-after": retryAfter } });
}

export function gameAnalyticsRoutes(deps: ProtocolDeps): Route[] {
  const intake = new Intake("gameanalytics", deps);

  /** The writer and the body as it was sent, once the signature is known to be good. */
  async function signedBody(request: Request, keyId: string) {
    const key = deps.keys.hmac(keyId);
    const principal = intake.authorized(request, key?.principal);
    const body = await intake.rawBody(request);
    const isGood = isSignedBy(key!, body, request.headers.get("authorization"));
    return { principal: intake.authorized(request, isGood ? principal : undefined), body };
  }

  async function init(request: Request, keyId: string): Promise<Response> {
    await signedBody(request, keyId);
    return jsonAnswer(201, {
      server_ts: Math.floor(intake.now() / 1000),
      enabled: true,
      configs: [],
      configs_hash: "",
      ab_id: "",
      ab_variant_id: "",
    });
  }

  async function events(request: Request, keyId: string): Promise<Response> {
    const { principal, body } = await signedBody(request, keyId);
    const text = await intake.expanded(body);
    const sources = await intake.taken(principal, text, () => eventList(jsonOf(text), "The body"));
    const ids = new EventIds();
    const now = intake.now();
    const game = defaultGameOf(principal);
    const translated = sources.map((source) => ({
      source,
      draft: gameAnalyticsDraft(source, ids, game, now),
    }));
    await intake.accept(principal, translated, text.length);
    return jsonAnswer(200, {});
  }

  /** `/v2/K/…`: the key's id stands in the path. */
  const idInPath = (request: Request) => new URL(request.url).pathname.split("/")[2] ?? "";
  const idInQuery = (request: Request) => new URL(request.url).searchParams.get("game_key") ?? "";
  const routes = (path: string, handler: Handler) =>
    protocolRoutes([path], ["POST"], handler, refuse);
  return [
    ...routes("/remote_configs/v1/init", (request) => init(request, idInQuery(request))),
    ...routes("/v2/:key/init", (request) => init(request, idInPath(request))),
    ...routes("/v2/:key/events", (request) => events(request, idInPath(request))),
  ];
}
