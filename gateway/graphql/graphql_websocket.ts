/**
 * graphql-transport-ws on `/graphql`: the protocol is graphql-ws', the engine and its bounds are
 * those of the HTTP transport.
 *
 * @module
 */
import type { ExecutionArgs, GraphQLError } from "graphql";
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type SubscribePayload } from "graphql-ws";
import { limits } from "../../schema/limits.ts";
import { bearerToken, type Keys, type Principal, resolveToken } from "../auth.ts";
import { type ClientSocket, closeCode } from "../socket/client_socket.ts";
import type { GatewayLog } from "../deps.ts";
import { badRequest } from "../problem.ts";
import type { GraphqlContext } from "./context.ts";
import { errorMasker, graphqlError, rewritten } from "./errors.ts";
import type { GraphqlServer } from "./graphql_server.ts";
import { DocumentRefused } from "./protection/documents.ts";

export const graphqlProtocol = GRAPHQL_TRANSPORT_WS_PROTOCOL;

/** @throws {Problem} 400 unless the client offers graphql-transport-ws */
export function assertOffersGraphql(headers: Headers): void {
  const offered = headers.get("sec-websocket-protocol")?.split(",") ?? [];
  if (offered.some((protocol) => protocol.trim() === graphqlProtocol)) return;
  throw badRequest("bad_request", `Offer the WebSocket subprotocol ${graphqlProtocol}`);
}

/** What a connection carries; `principal` is set by the upgrade's headers or by `connection_init`. */
interface Connection {
  readonly client: ClientSocket;
  principal: Principal | undefined;
}

export interface GraphqlSocketDeps {
  readonly keys: Keys;
  readonly server: GraphqlServer;
  readonly contextOf: (principal: Principal) => GraphqlContext;
  readonly log: GatewayLog;
  /** Whether whoever has just said who they are may have one more connection; closes it if not. */
  readonly claim: (client: ClientSocket, principal: Principal, token: string) => boolean;
  /** How long a client may wait with `connection_init`. @default limits.webSocketAuthMs */
  readonly authMs?: number;
}

/** The token of `connection_init`'s payload: `authorization` or `x-api-key`, in any case. */
export function connectionToken(
  params: Readonly<Record<string, unknown>> = {},
): string | undefined {
  for (const [name, value] of Object.entries(params)) {
    if (typeof value !== "string") continue;
    const key = name.toLowerCase();
    if (key === "authorization") return bearerToken(value);
    if (key === "x-api-key") return value;
  }
  return undefined;
}

/** The operation as the engine's own executor is to run it, once it is let in and paid for. */
function executionArgs(
  { server, log, contextOf }: GraphqlSocketDeps,
  principal: Principal,
  payload: SubscribePayload,
): ExecutionArgs | readonly GraphQLError[] {
  try {
    const context = contextOf(principal);
    context.charge.enter();
    const admitted = server.admission.admit(payload, principal);
    context.charge.operation(admitted.cost);
    const { schema, execute, subscribe } = server.yoga.getEnveloped(context);
    return {
      schema,
      document: admitted.document,
      contextValue: context,
      variableValues: admitted.variables,
      operationName: admitted.operationName,
      rootValue: { execute, subscribe },
    };
  } catch (error) {
    const errors = error instanceof DocumentRefused ? error.errors : [errorMasker(log)(error)];
    return errors.map(withoutStatus);
  }
}

/** A socket has no status to answer with. */
function withoutStatus(error: GraphQLError): GraphQLError {
  const { http: _, ...extensions } = error.extensions;
  return rewritten(error, { extensions });
}

/** The same outcome, or a result whose errors have no status. */
// deno-lint-ignore no-explicit-any -- as what executes
function resultOf(outcome: any): any {
  if (!Array.isArray(outcome?.errors)) return outcome;
  return { ...outcome, errors: outcome.errors.map(withoutStatus) };
}

/** Makes the function that serves one upgraded socket until it closes. */
export function graphqlSocketServer(
  deps: GraphqlSocketDeps,
): (client: ClientSocket, principal: Principal | undefined) => void {
  const mask = errorMasker(deps.log);
  const server = makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: deps.authMs ?? limits.webSocketAuthMs,
    async onConnect({ connectionParams, extra }) {
      const token = connectionToken(connectionParams);
      // Whom the upgrade's headers named is known already.
      if (token === undefined) return extra.principal !== undefined;
      extra.principal = await resolveToken(deps.keys, token);
      return extra.principal !== undefined && deps.claim(extra.client, extra.principal, token);
    },
    onSubscribe({ extra, subscriptions }, _, payload) {
      if (Object.keys(subscriptions).length > limits.webSocketSubscriptionsMax) {
        const message = `A connection may have ${limits.webSocketSubscriptionsMax} operations`;
        return [graphqlError("TOO_COMPLEX", message)];
      }
      return executionArgs(deps, extra.principal!, payload);
    },
    // A stream that breaks is reported by graphql-ws with the message it was thrown with.
    onError: (_ctx, _id, _payload, errors) => errors.map((error) => mask(error).toJSON()),
    execute: async (args) => resultOf(await (args.rootValue as Executors).execute(args)),
    subscribe: async (args) => resultOf(await (args.rootValue as Executors).subscribe(args)),
  });
  return (client, principal) => serve(server, { client, principal }, deps.log);
}

interface Executors {
  // deno-lint-ignore no-explicit-any -- graphql-yoga's executors are untyped
  readonly execute: (args: ExecutionArgs) => any;
  // deno-lint-ignore no-explicit-any -- as above
  readonly subscribe: (args: ExecutionArgs) => any;
}

/** Joins a client to graphql-ws. Its own adapter for Deno logs to the console and sends unbounded. */
function serve(
  server: ReturnType<typeof makeServer<Record<string, unknown>, Connection>>,
  connection: Connection,
  log: GatewayLog,
): void {
  const { client } = connection;
  const { socket } = client;
  const fail = (error: unknown) => {
    log.error("A GraphQL message failed", { error: String(error) });
    client.close(closeCode.internalError, "Internal error");
  };
  let closed: ReturnType<typeof server.opened> = () => Promise.resolve();
  socket.addEventListener("open", () => {
    closed = server.opened({
      // Deno leaves `socket.protocol` empty on the server's side; the upgrade has checked the offer.
      protocol: graphqlProtocol,
      // The next value of a subscription is asked for only when there is room for it.
      send: (text) => client.send(text) ? client.room() : undefined,
      close: (code = 1000, reason = "") => client.close(code, reason),
      onMessage: (receive) => {
        socket.addEventListener("message", ({ data }) => {
          const isKnown = connection.principal !== undefined;
          const max = isKnown ? limits.graphqlBodyBytesMax : limits.webSocketAuthBytesMax;
          if (!client.takes(data, max)) return;
          if (typeof data === "string") receive(data).catch(fail);
          else client.close(closeCode.tooBig, "Send text");
        });
      },
    }, connection);
  });
  let isClosed = false;
  socket.addEventListener("close", ({ code, reason }) => {
    // A connection that was cut tells so twice.
    if (isClosed) return;
    isClosed = true;
    closed(code, reason).catch((error) => {
      log.error("A GraphQL connection did not end well", { error: String(error) });
    });
  });
  socket.addEventListener("error", () => {});
}
