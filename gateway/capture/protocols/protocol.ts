/**
 * What every capture protocol shares: reading a body, knowing the writer, handing over drafts of
 * native events, and answering browsers of any origin.
 *
 * A protocol is an adapter: its endpoints, where it puts its key, and how its events become
 * {@link Draft}s. Validation, durability and dead letters are those of native events.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { limits } from "../../../schema/limits.ts";
import type { Rejection } from "../../../schema/rejection.ts";
import { defaultGameOf, type Keys, type Principal, resolveToken, tokenOf } from "../../auth.ts";
import type { GatewayDeps, Protocol } from "../../deps.ts";
import { openToPages } from "../../http/cors.ts";
import { badRequest, Problem, tooLarge, unavailable } from "../../problem.ts";
import type { Handler, Route } from "../../router.ts";
import type { Acceptor, RejectedEvent } from "../accept_events.ts";
import type { ByteBudget } from "../byte_budget.ts";
import { authorizeWriter, failureDetails } from "../capture.ts";
import { deadLetterOfBody } from "../dead_letter.ts";
import { assertParsable, decodeUtf8, notJson } from "../decode_events.ts";
import { assertCoding, expand, readRawBody } from "../read_body.ts";
import type { Draft } from "./draft.ts";

export interface ProtocolDeps extends Pick<GatewayDeps, "now" | "log"> {
  readonly keys: Keys;
  readonly acceptor: Acceptor;
  readonly budget: ByteBudget;
}

/** One event of a request: what its sender wrote, and what it is natively. */
export interface Translated {
  readonly source: unknown;
  readonly draft: Draft | Rejection;
}

export interface Verdicts {
  readonly accepted: number;
  readonly rejected: readonly RejectedEvent[];
}

/** The user of `Authorization: Basic`, where Segment's clients put their key. */
function basicUser(headers: Headers): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]{1,8192}) *$/i.exec(headers.get("authorization") ?? "");
  if (encoded === null) return undefined;
  const [user] = Buffer.from(encoded[1]!, "base64").toString("utf8").split(":", 1);
  return user;
}

/** The key in a request's headers, in any of the usual places. */
export const headerKey = (headers: Headers): string | undefined =>
  tokenOf(headers) ?? basicUser(headers);

/** `principal`, held to one game; unchanged when it may not write that game anyway. */
function narrowed(principal: Principal, game: string): Principal {
  const mayWrite = principal.games === "*" ? principal.createGames : principal.games.has(game);
  return mayWrite ? { ...principal, games: new Set([game]) } : { ...principal, games: new Set() };
}

/**
 * The principal of a key. `KEY@game` is KEY held to one of its games: SDKs of other vendors know no
 * games, so a key for several ones must say which.
 */
async function principalOf(keys: Keys, token: unknown): Promise<Principal | undefined> {
  if (typeof token !== "string") return undefined;
  const whole = await resolveToken(keys, token);
  const at = token.lastIndexOf("@");
  if (whole !== undefined || at <= 0) return whole;
  const principal = await resolveToken(keys, token.slice(0, at));
  return principal === undefined ? undefined : narrowed(principal, token.slice(at + 1));
}

const isGzip = (bytes: Uint8Array) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** What the endpoints of one protocol work with. */
export class Intake {
  constructor(readonly protocol: Protocol, readonly deps: ProtocolDeps) {}

  /** Milliseconds since the Unix epoch. */
  now(): number {
    return this.deps.now();
  }

  /**
   * Who sends, by the first key that is there.
   *
   * @throws {Problem} 401 or 403
   */
  async writer(request: Request, ...tokens: readonly unknown[]): Promise<Principal> {
    const token = tokens.find((given) => given !== undefined && given !== null && given !== "");
    return this.authorized(request, await principalOf(this.deps.keys, token));
  }

  /** @throws {Problem} 401 or 403; the body is then dropped unread */
  authorized(request: Request, principal: Principal | undefined): Principal {
    return authorizeWriter(principal, request);
  }

  /** The body as it was sent: signatures are made over these bytes. */
  async rawBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
    assertCoding(request);
    return await readRawBody(request, limits.requestBytesMax, this.deps.budget);
  }

  /** The bytes expanded if they are gzip, whatever the headers say: several SDKs do not tell. */
  async expanded(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    return isGzip(bytes) ? await expand(bytes, limits.requestBytesMax, this.deps.budget) : bytes;
  }

  async body(request: Request): Promise<Uint8Array> {
    return await this.expanded(await this.rawBody(request));
  }

  /**
   * Hands a request's events over: each gets its own verdict.
   *
   * @param textBytes size of the text that held them
   * @throws {Problem} 413 for too many; 503 when nothing is known to be durable
   */
  async accept(
    principal: Principal,
    events: readonly Translated[],
    textBytes: number,
  ): Promise<Verdicts> {
    assertEventCount(events.length);
    const outcome = await this.deps.acceptor.accept({
      principal,
      items: events.map(({ draft }) => draft),
      sources: events.map(({ source }) => source),
      textBytes,
      protocol: this.protocol,
    });
    if (!("failure" in outcome)) return outcome;
    throw unavailable(outcome.failure, failureDetails[outcome.failure]);
  }

  /**
   * What `read` makes of a body; one that cannot be taken apart is kept as a dead letter.
   *
   * @param principal whose letter it is; without one nothing is kept
   * @throws {Problem} what `read` throws
   */
  async taken<T>(principal: Principal | undefined, body: Uint8Array, read: () => T): Promise<T> {
    try {
      return read();
    } catch (problem) {
      const isWorthKeeping = problem instanceof Problem && problem.status === 400;
      if (isWorthKeeping && principal !== undefined && body.length > 0) {
        const letter = deadLetterOfBody(principal.studio, body, problem.code, problem.detail);
        await this.deps.acceptor.deadLetter([letter]);
      }
      throw problem;
    }
  }
}

/**
 * A request's list of events, counted before anything is made of them.
 *
 * @throws {Problem} 400 when it is no list, 413 when it is too long
 */
export function eventList(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw badRequest("bad_request", `${name} must be an array of events`);
  assertEventCount(value.length);
  if (value.length === 0) throw badRequest("empty_batch", "The request holds no event");
  return value;
}

/** @throws {Problem} 413 */
export function assertEventCount(count: number): void {
  if (count <= limits.requestEventsMax) return;
  throw tooLarge(`A request may have ${limits.requestEventsMax} events: got ${count}`);
}

/** @throws {Problem} 400 when the text is no JSON or nests too deep */
export function parseJson(text: string): unknown {
  assertParsable(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson(error);
  }
}

/** @throws {Problem} 400 when the bytes are no UTF-8, no JSON, or nest too deep */
export const jsonOf = (body: Uint8Array): unknown => parseJson(decodeUtf8(body));

/** @throws {Problem} 400 when no event was accepted, with the verdicts */
export function assertSomeAccepted({ accepted, rejected }: Verdicts): void {
  if (accepted > 0 || rejected.length === 0) return;
  const { code, message } = rejected[0]!;
  const detail = `No event was accepted; the first: ${message}`;
  throw new Problem(400, code, detail, { members: { accepted, rejected } });
}

/** Whether `game` names a game that this principal may write. */
export function mayWriteGame({ games, createGames }: Principal, game: string): boolean {
  return games === "*" ? createGames : games.has(game);
}

/** The game of an event: the one it names, else the key's only one. */
export const gameOf = (principal: Principal, named: unknown): unknown =>
  named ?? defaultGameOf(principal);

export const jsonAnswer = (status: number, body: unknown): Response =>
  Response.json(body, { status });

/** Captures by GET must reach us each time. */
function unkept(response: Response): Response {
  response.headers.set("cache-control", "no-store");
  return response;
}

/**
 * Routes of one protocol; each also without or with a final slash, and for pages of any origin, whose
 * scripts may send with credentials: keys ship inside web pages, and no cookie means anything here.
 */
export function protocolRoutes(
  paths: readonly string[],
  methods: readonly string[],
  handler: Handler,
  refuse?: NonNullable<Route["refuse"]>,
): Route[] {
  const serve: Handler = async (request, requestId) => {
    const response = await handler(request, requestId);
    return request.method === "POST" ? response : unkept(response);
  };
  return paths.flatMap((path) => [path, `${path}/`]).map((path) => {
    const route = { path, methods, handler: serve, ...(refuse === undefined ? {} : { refuse }) };
    return openToPages(route, { credentials: true });
  });
}
