/**
 * The composition root: reads the configuration, wires the node and the gateway, and answers for the
 * process. `deno task start` runs it.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { createGateway, type Gateway, type GatewayOptions } from "../gateway/gateway.ts";
import { anyOfKeys, demoKeys, type Keys } from "../gateway/auth.ts";
import { loadPersistedOperations } from "../gateway/graphql/protection/persisted_file.ts";
import type { PersistedOperations } from "../gateway/graphql/protection/persisted_operations.ts";
import { AccessLog } from "../gateway/http/access_log.ts";
import { finishRead } from "../gateway/http/finish_read.ts";
import { RateLimits } from "../gateway/limits/rate_limits.ts";
import { Shedder } from "../gateway/limits/shedder.ts";
import { boundSendBuffers } from "../gateway/socket/send_buffers.ts";
import { Jwks } from "../gateway/tokens/jwks.ts";
import { tokenKeys } from "../gateway/tokens/token_keys.ts";
import { type Config, readConfig } from "../schema/config.ts";
import { ConfigFaults } from "../schema/config_reader.ts";
import { Terminal } from "../schema/errors.ts";
import { exitCode } from "../schema/exit_codes.ts";
import { assertLimits } from "../schema/limit_relations.ts";
import { limits } from "../schema/limits.ts";
import { createAdminApp } from "./admin/admin_app.ts";
import { KeysPart } from "./keys/keys_part.ts";
import { NodeAdmin } from "./node/node_admin.ts";
import { gatewayMetrics, guardOptions } from "./node/gateway_metrics.ts";
import { listenerChild } from "./node/listener_child.ts";
import { nodeShadows } from "./node/node_shadows.ts";
import { LagPart } from "./load/lag_part.ts";
import { turnChild } from "./load/turn_part.ts";
import { Node, type NodeOptions } from "./node/node.ts";
import { nodeTimeTravel } from "./node/node_time_travel.ts";
import { loadSecrets, type Secrets, writePrivateFile } from "./node/secrets.ts";
import { logger, setLogLevel } from "./observability/logger.ts";
import { aborted } from "./shard/clock.ts";
import { lockDataDir } from "./store/data_dir_lock.ts";
import type { ChildSpec } from "./tree/child.ts";

const log = logger("main");

/** Where a running node can be reached; `DATA_DIR/run.json` holds it for programs. */
export interface RunInfo {
  readonly pid: number;
  readonly url: string;
  readonly admin_url: string;
  readonly store_url: string;
  readonly demo_key: string;
  readonly admin_token: string;
}

/** What drills may change about a node; the command line cannot. */
export interface RunOptions
  extends Pick<NodeOptions, "clockOffsetMs" | "stageModules" | "frozenWorkers"> {
  /** Whether the gateway sheds load. @default true */
  readonly sheds?: boolean;
  /** Whether it does so for how long requests wait for their turn. @default true */
  readonly shedsForTurns?: boolean;
  /** Whether WebSockets have bounds. @default true */
  readonly boundsSockets?: boolean;
  /** Whether listeners outlast a time without descriptors. @default true */
  readonly isPatient?: boolean;
  /** Whether GraphQL operations are held to limits. @default true */
  readonly boundsGraphql?: boolean;
  /** Stands between the gateway and its keys. @default nothing does */
  readonly wrapKeys?: (keys: Keys) => Keys;
}

/** Whom the node's gateway takes: the demo key, API keys, and tokens where an issuer is configured. */
function keysOf(node: Node, secrets: Secrets, apiKeys: KeysPart): Keys {
  const { jwt } = node.options.config;
  const now = () => node.clock.now();
  const sets = [demoKeys(secrets.demoKey), apiKeys.ring];
  if (jwt === undefined) return anyOfKeys(sets);
  const { find } = new Jwks({ url: jwt.jwksUrl, now });
  return anyOfKeys([...sets, tokenKeys({ ...jwt, find, now })]);
}

/** How the node's gateway is configured. */
function gatewayOptions(
  node: Node,
  options: RunOptions,
  persisted: PersistedOperations | undefined,
): Omit<GatewayOptions, "keys"> {
  const { edge, http, rates } = node.options.config;
  return {
    platform: node.platform,
    now: () => node.clock.now(),
    metrics: gatewayMetrics(node.metrics.sink),
    log: logger("gateway"),
    graphql: { persisted, isBounded: options.boundsGraphql ?? true },
    trust: { proxies: edge.trustedProxies, header: edge.proxyHeader },
    accessLog: new AccessLog({ mode: http.accessLog, log: logger("access") }),
    hstsSeconds: http.hstsSeconds,
    graphiql: http.graphiql,
    rates: new RateLimits(node.resources.rateBuckets(), rates),
    ...(options.boundsSockets === false ? { boundsSockets: false } : {}),
  };
}

/** Makes the node with its gateway and admin listeners. */
function wire(
  options: NodeOptions & RunOptions,
  secrets: Secrets,
  onListen: (name: "gateway" | "admin", port: number) => void,
  drain: () => void,
  persisted: PersistedOperations | undefined,
): Node {
  const { config } = options;
  return new Node(options, (node) => {
    const apiKeys = new KeysPart({
      dataDir: options.lock.dataDir,
      secret: secrets.keysSecret,
      // Who is one of several nodes and made its secret itself is alone with it.
      canSeal: config.keysSecret !== undefined || config.advertisedUrl === undefined,
      storeUrl: (stop) => node.store.url(stop),
      clock: node.clock,
    });
    const lag = new LagPart(node);
    const shedder = options.sheds === false ? undefined : new Shedder({ lag: () => lag.last });
    const gateway = createGateway({
      ...gatewayOptions(node, options, persisted),
      keys: (options.wrapKeys ?? ((keys) => keys))(keysOf(node, secrets, apiKeys)),
      ...(shedder === undefined ? {} : { shedder }),
    });
    const platform = new NodeAdmin(node, drain);
    const admin = createAdminApp({
      platform,
      token: secrets.adminToken,
      travel: nodeTimeTravel(node.shards, node.topics),
      audit: (row) => platform.record(row),
      redactFields: config.redactFields,
      shadows: nodeShadows(node.shards),
      keys: apiKeys.keeper,
    });
    return [
      platform.spec(),
      apiKeys.spec(),
      lag.spec(),
      listenerChild({
        id: "admin",
        hostname: config.adminHost,
        port: config.adminPort,
        fetch: async (request, { remoteAddr }) =>
          finishRead(request, await admin.fetch(request, { remote: remoteAddr.hostname })),
        onListen: (port) => onListen("admin", port),
      }),
      ...(config.roles.has("gateway")
        ? [
          ...(shedder && options.shedsForTurns !== false
            ? [turnChild(shedder.turns, node.metrics.sink, node.clock)]
            : []),
          gatewayListener(node, gateway, options, (port) => onListen("gateway", port)),
        ]
        : []),
    ];
  });
}

/** What clients connect to. */
function gatewayListener(
  node: Node,
  gateway: Gateway,
  { config, boundsSockets, isPatient = true }: NodeOptions & RunOptions,
  onListen: (port: number) => void,
): ChildSpec {
  const bound = (port: number) => {
    if (boundsSockets !== false) boundSendBuffers(port, limits.sendBufferBytesMax);
  };
  return listenerChild({
    id: "gateway",
    hostname: config.host,
    port: config.port,
    fetch: gateway.fetch,
    guard: config.edge.guard ? guardOptions(config.edge, node.metrics.sink) : undefined,
    isPatient,
    onServe: bound,
    onListen: (port) => {
      bound(port);
      onListen(port);
    },
    onDrain: () => gateway.drain(),
  });
}

/** Prints where everything is, once the store has told its URL, and keeps it in `run.json`. */
async function announce(
  node: Node,
  ports: Record<"gateway" | "admin", number>,
  secrets: Secrets,
  stop: AbortSignal,
): Promise<void> {
  const { config, lock } = node.options;
  const info: RunInfo = {
    pid: Deno.pid,
    url: `http://${
      ["0.0.0.0", "::"].includes(config.host) ? "127.0.0.1" : config.host
    }:${ports.gateway}`,
    admin_url: `http://${config.adminHost}:${ports.admin}`,
    store_url: await node.store.url(stop),
    demo_key: secrets.demoKey,
    admin_token: secrets.adminToken,
  };
  await writePrivateFile(join(lock.dataDir, "run.json"), JSON.stringify(info, null, 2));
  const lines = [
    "",
    "  GameMetrics Pro",
    ...(config.roles.has("gateway")
      ? [`  gateway    ${info.url}   events, GraphQL at /graphql, WebSocket at /ws`]
      : []),
    `  admin      ${info.admin_url}   /admin/tree, /metrics`,
    `  store      ${withoutPassword(info.store_url)}   whole URL in ${lock.dataDir}/run.json`,
    ...(secrets.isNew
      ? [`  demo key   ${secrets.demoKey}`, `  admin      ${secrets.adminToken}`, ""]
      : []),
    `  keys       kept in ${lock.dataDir}/run.json, readable by you alone`,
    "",
  ];
  Deno.stdout.writeSync(new TextEncoder().encode(lines.join("\n") + "\n"));
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href;
}

/** Runs a node until it is told to end. @returns the exit code */
export async function runNode(config: Config, options: RunOptions = {}): Promise<number> {
  assertLimits();
  setLogLevel(config.logLevel);
  const known = config.persistedOperations;
  const persisted = known === undefined ? undefined : await loadPersistedOperations(known);
  const lock = await lockDataDir(resolve(config.dataDir));
  const secrets = await loadSecrets(lock.dataDir, config);
  const ports = { gateway: 0, admin: 0 };
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) Deno.exit(exitCode.failed);
    log.info("Draining; once more to end at once");
    stop.abort(new Error("stopped"));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, onSignal);
  const node = wire(
    { ...options, config, lock },
    secrets,
    (name, port) => ports[name] = port,
    onSignal,
    persisted,
  );
  const started = node.start().then(() => announce(node, ports, secrets, stop.signal));
  started.catch((error) => {
    if (!stop.signal.aborted) log.error("Cannot start", { error: error.message });
  });
  const ended = await Promise.race([aborted(stop.signal), node.exited, node.refused]);
  await node.stop();
  lock.release();
  // Said already, by the part that was refused.
  if (ended instanceof Terminal) return exitCode.badConfiguration;
  if (ended === undefined || ended.type !== "failed") return exitCode.drained;
  log.error("The platform has failed beyond mending", { error: String(ended.error) });
  return exitCode.failed;
}

/** Reads the configuration and runs a node; ends the process with the exit code that says why. */
export async function main(options: RunOptions = {}): Promise<never> {
  try {
    Deno.exit(await runNode(readConfig(Deno.env.toObject()), options));
  } catch (error) {
    if (error instanceof ConfigFaults) {
      log.error(error.message);
      Deno.exit(exitCode.badConfiguration);
    }
    const code = error instanceof Terminal ? error.code : "failed";
    log.error(error instanceof Error ? error.message : String(error), { code });
    Deno.exit(exitCode.failed);
  }
}

if (import.meta.main) await main();
