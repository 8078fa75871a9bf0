/**
 * `GET /ws`: events in, verdicts out, and the live state of players a client watches.
 *
 * | client sends | server answers |
 * |---|---|
 * | `{"type":"auth","token":…}`, first, unless a header had it | `{"type":"authenticated"}` |
 * | `{"type":"events","id":…,"events":[…]}` | `{"type":"ack","id":…,"accepted":…,"rejected":[…]}` |
 * | `{"type":"subscribe","user_id":…,"game_id"?:…,"resume_from"?:…}` | `{"type":"subscribed",…}`, then `{"type":"player","position":…,…}` after each change |
 * | `{"type":"unsubscribe","user_id":…}` | `{"type":"unsubscribed",…}` |
 *
 * A connection watches a player once: another game, or `resume_from`, takes the place of what was.
 *
 * A player message is the whole state, so nothing is lost by one that was missed. Whoever gives the
 * `position` of the last one as `resume_from` after a reconnect is sent the present state at once if
 * it has changed since.
 *
 * Anything else is answered `{"type":"error","code":…,"message":…}`, with the message's `id` if it
 * had one. Closed with 4408 (no auth in time), 1008 (wrong token), 1009 (message too big), 4429
 * (the client reads too slowly, sends too many messages, or has too many connections), 1001 (the
 * server goes away, or the client gave no sign of life).
 *
 * @module
 */
import { InvalidInput, Unavailable } from "../schema/errors.ts";
import { idText, isUserId } from "../schema/ids.ts";
import { limits } from "../schema/limits.ts";
import type { Platform } from "../supervisor/platform.ts";
import { Forbidden, readableGame } from "./access.ts";
import { type Keys, type Principal, resolveToken } from "./auth.ts";
import { type ClientSocket, closeCode } from "./socket/client_socket.ts";
import type { Acceptor } from "./capture/accept_events.ts";
import { failureDetails } from "./capture/capture.ts";
import { assertParsable, decodeUtf8 } from "./capture/decode_events.ts";
import type { GatewayLog } from "./deps.ts";
import type { RateLimits } from "./limits/rate_limits.ts";
import { profileChanges } from "./live/player_identity.ts";
import { playerMessage } from "./live/player_message.ts";
import { Problem } from "./problem.ts";
import { assertRole, messageRights, readableUser } from "./rights/rights.ts";
import type { Lease, Subscriptions } from "./live/subscriptions.ts";

export interface CaptureSocketDeps {
  readonly platform: Platform;
  readonly keys: Keys;
  readonly acceptor: Acceptor;
  readonly subscriptions: Subscriptions;
  readonly log: GatewayLog;
  readonly rates: RateLimits | undefined;
  /** Whether whoever has just said who they are may have one more connection; closes it if not. */
  readonly claim: (client: ClientSocket, principal: Principal, token: string) => boolean;
  /** How long a client may stay without auth. @default limits.webSocketAuthMs */
  readonly authMs?: number;
}

type Message = Readonly<Record<string, unknown>>;
type MessageId = string | number | null;

/** Serves one client until it closes. `principal` is that of the upgrade's headers, if they had any. */
export function serveCaptureSocket(
  client: ClientSocket,
  principal: Principal | undefined,
  deps: CaptureSocketDeps,
): void {
  const session = new CaptureSocket(client, principal, deps);
  const { socket } = client;
  socket.addEventListener("open", () => session.opened());
  socket.addEventListener("message", ({ data }) => session.received(data));
  socket.addEventListener("close", () => session.closed());
  // An error is always followed by a close.
  socket.addEventListener("error", () => {});
}

class CaptureSocket {
  #principal: Principal | undefined;
  #authTimer: ReturnType<typeof setTimeout> | undefined;
  #isResolving = false;
  #inFlight = 0;
  #inFlightBytes = 0;
  /** By the user that is watched: one stream each, of one game or of all. */
  readonly #watched = new Map<
    string,
    { readonly gameId: string | undefined; readonly lease: Lease }
  >();

  constructor(
    readonly client: ClientSocket,
    principal: Principal | undefined,
    readonly deps: CaptureSocketDeps,
  ) {
    this.#principal = principal;
  }

  opened(): void {
    if (this.#principal !== undefined) return;
    const expire = () => this.client.close(closeCode.authTimeout, "No auth message came in time");
    this.#authTimer = setTimeout(expire, this.deps.authMs ?? limits.webSocketAuthMs);
  }

  closed(): void {
    clearTimeout(this.#authTimer);
    for (const { lease } of this.#watched.values()) lease.end();
    this.#watched.clear();
  }

  received(data: string | ArrayBuffer): void {
    const isKnown = this.#principal !== undefined;
    const max = isKnown ? limits.requestBytesMax : limits.webSocketAuthBytesMax;
    if (!this.client.takes(data, max)) return;
    let id: MessageId = null;
    try {
      const text = typeof data === "string" ? data : decodeUtf8(new Uint8Array(data));
      const message = parseMessage(text);
      id = messageId(message);
      this.#dispatch(message, id, text.length);
    } catch (error) {
      this.#fail(error, id);
    }
  }

  #dispatch(message: Message, id: MessageId, bytes: number): void {
    if (message.type === "auth") return this.#auth(message, id);
    const principal = this.#principal;
    if (principal === undefined) {
      this.#error(id, "unauthorized", "Send an auth message first");
      this.client.close(closeCode.policyViolation, "Not authenticated");
      return;
    }
    switch (message.type) {
      case "events":
        return this.#events(principal, message, id, bytes);
      case "subscribe":
        return this.#subscribe(principal, message);
      case "unsubscribe":
        return this.#unsubscribe(message);
    }
    throw new Problem(400, "bad_request", "type must be auth, events, subscribe or unsubscribe");
  }

  #auth({ token }: Message, id: MessageId): void {
    if (this.#principal !== undefined || this.#isResolving) {
      throw new Problem(400, "bad_request", "This connection is authenticated already");
    }
    const given = typeof token === "string" ? token : "";
    const found = resolveToken(this.deps.keys, given);
    if (!(found instanceof Promise)) return this.#authenticated(found, given);
    this.#isResolving = true;
    const done = (principal: Principal | undefined) => this.#authenticated(principal, given);
    found.then(done, (error) => this.#fail(error, id))
      .finally(() => this.#isResolving = false);
  }

  #authenticated(principal: Principal | undefined, token: string): void {
    if (principal === undefined) {
      this.#error(null, "unauthorized", "The token is not known");
      this.client.close(closeCode.policyViolation, "Not authenticated");
      return;
    }
    clearTimeout(this.#authTimer);
    if (!this.deps.claim(this.client, principal, token)) return;
    this.#principal = principal;
    this.#send({ type: "authenticated" });
  }

  #events(principal: Principal, message: Message, id: MessageId, bytes: number): void {
    const { events } = message;
    assertRole(principal, messageRights.events, "write events");
    if (id === null) throw new Problem(400, "missing_field", "id must be a string or a number");
    if (!Array.isArray(events) || events.length === 0) {
      throw new Problem(400, "invalid_field", "events must be an array of at least one event");
    }
    if (events.length > limits.requestEventsMax) {
      const seen = `${limits.requestEventsMax} events: got ${events.length}`;
      throw new Problem(413, "too_large", `A message may have ${seen}`);
    }
    // Deno cannot stop reading a WebSocket, so what comes too fast is refused instead.
    if (
      this.#inFlight >= limits.webSocketInFlightMax ||
      this.#inFlightBytes + bytes > limits.webSocketInFlightBytesMax
    ) {
      const detail = `Wait for acks: ${this.#inFlight} are under way. Send this message again`;
      throw new Problem(429, "rate_limited", detail);
    }
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    this.#acknowledge(principal, events, id, bytes)
      .catch((error) => this.#fail(error, id))
      .finally(() => {
        this.#inFlight--;
        this.#inFlightBytes -= bytes;
      });
  }

  async #acknowledge(principal: Principal, items: unknown[], id: MessageId, textBytes: number) {
    // A character has at most three bytes of UTF-8, and the size is only an upper bound.
    const batch = { principal, items, textBytes: textBytes * 3, protocol: "ws" } as const;
    const outcome = await this.deps.acceptor.accept(batch);
    if ("failure" in outcome) {
      return this.#error(id, outcome.failure, failureDetails[outcome.failure], { retry_after: 1 });
    }
    const { accepted, rejected } = outcome;
    this.#send({ type: "ack", id, accepted, rejected });
  }

  #subscribe(principal: Principal, message: Message): void {
    const userId = userIdOf(message);
    const { game_id } = message;
    assertRole(principal, messageRights.subscribe, "watch players");
    readableUser(principal, userId);
    this.deps.rates?.charge(principal, limits.rateReadCost);
    const resumeFrom = positionOf(message);
    const gameId = readableGame(principal, typeof game_id === "string" ? game_id : null);
    const before = this.#watched.get(userId);
    if (before === undefined && this.#watched.size >= limits.webSocketSubscriptionsMax) {
      const detail = `A connection may watch ${limits.webSocketSubscriptionsMax} players`;
      throw new Problem(429, "rate_limited", detail);
    }
    const isNew = before?.gameId !== gameId || resumeFrom !== undefined;
    if (before === undefined || isNew) {
      before?.lease.end();
      const lease = this.deps.subscriptions.open();
      this.#watched.set(userId, { gameId, lease });
      this.#streamPlayer(principal, { userId, gameId, resumeFrom }, lease);
    }
    this.#send({ type: "subscribed", user_id: userId });
  }

  #unsubscribe(message: Message): void {
    const userId = userIdOf(message);
    this.#watched.get(userId)?.lease.end();
    this.#watched.delete(userId);
    this.#send({ type: "unsubscribed", user_id: userId });
  }

  /** Sends the player after each change, until the lease ends. */
  async #streamPlayer(
    principal: Principal,
    { userId, gameId, resumeFrom }: PlayerWatch,
    lease: Lease,
  ) {
    const { platform } = this.deps;
    const { signal } = lease;
    const isResumed = resumeFrom !== undefined;
    let known = resumeFrom;
    const query = { type: "profile", ...(gameId === undefined ? {} : { gameId }) } as const;
    try {
      const options = { initially: isResumed };
      const changes = profileChanges(platform, principal, userId, query, signal, options);
      for await (const profile of changes) {
        // What the client has seen before it was away is the present state still.
        const isKnown = profile.version === known;
        known = undefined;
        if (isKnown) continue;
        this.#send(playerMessage(profile));
        // What changes meanwhile is asked for afterwards: the newest state wins.
        await this.client.room();
      }
    } catch (error) {
      if (!lease.signal.aborted) this.#fail(error, null);
    } finally {
      lease.end();
      if (this.#watched.get(userId)?.lease === lease) this.#watched.delete(userId);
    }
  }

  #send(message: Message): void {
    this.client.send(JSON.stringify(message));
  }

  #error(id: MessageId, code: string, message: string, members?: Message): void {
    this.#send({ type: "error", ...(id === null ? {} : { id }), code, message, ...members });
  }

  #fail(error: unknown, id: MessageId): void {
    if (error instanceof Problem) {
      const retryAfter = error.options.headers?.["retry-after"];
      const members = retryAfter === undefined ? {} : { retry_after: Number(retryAfter) };
      return this.#error(id, error.code, error.detail, members);
    }
    if (error instanceof Forbidden) return this.#error(id, "forbidden", error.message);
    if (error instanceof InvalidInput) return this.#error(id, error.code, error.message);
    if (error instanceof Unavailable) {
      return this.#error(id, "unavailable", "Send the same again", { retry_after: 1 });
    }
    this.deps.log.error("A WebSocket message failed", { error: String(error) });
    this.#error(id, "internal", "The message failed on our side");
  }
}

function parseMessage(text: string): Message {
  assertParsable(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Problem(400, "invalid_json", "The message is not JSON");
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
    return parsed as Message;
  }
  throw new Problem(400, "not_an_object", "A message must be a JSON object");
}

/** The id that an answer echoes; `null` when the message has none that can be echoed. */
function messageId({ id }: Message): MessageId {
  if (typeof id === "string" && id.length <= limits.idCharsMax) return id;
  return typeof id === "number" && Number.isFinite(id) ? id : null;
}

/** A player that a client watches. */
interface PlayerWatch {
  readonly userId: string;
  /** Whose figures are told; `undefined`: of all games. */
  readonly gameId: string | undefined;
  /** The `position` of the last state that the client has seen. */
  readonly resumeFrom: string | undefined;
}

function positionOf({ resume_from }: Message): string | undefined {
  if (resume_from === undefined || resume_from === null) return undefined;
  const isPosition = typeof resume_from === "string" && /^\d{1,5}:\d{1,16}$/.test(resume_from);
  if (isPosition) return resume_from;
  throw new Problem(400, "invalid_field", "resume_from must be the position of a player message");
}

function userIdOf({ user_id }: Message): string {
  if (isUserId(user_id)) return user_id;
  throw new Problem(400, "invalid_field", `user_id must be ${idText(limits.idCharsMax)}`);
}
