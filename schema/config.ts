/**
 * The configuration of a node, read from environment variables. Everything is checked before
 * anything starts, and all faults are told at once.
 *
 * The standard `OTEL_*` variables are the runtime's: Deno reads them itself.
 *
 * @module
 */
import { ConfigFaults, VariableReader } from "./config_reader.ts";
import { parseKafkaUrl } from "./kafka/kafka_url.ts";
import { type HttpConfig, readHttpConfig } from "./http/http_config.ts";
import { limits } from "./limits.ts";
import { type EdgeConfig, readEdgeConfig } from "./net/edge_config.ts";

/** What a node may do. */
export const roles = ["gateway", "player", "game", "recommender", "notifier", "jobs"] as const;
export type Role = typeof roles[number];

/** Levels of the log, from the chattiest; `silent` writes nothing. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = typeof logLevels[number];

/** How tokens of players and dashboards are verified. */
export interface JwtConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
}

/** How much and how fast, tokens a second; 0 is no limit. */
export interface RateConfig {
  readonly key: number;
  readonly user: number;
  readonly address: number;
  readonly global: number;
}

/** TLS between nodes: PEM files. */
export interface ClusterTls {
  /** `CLUSTER_TLS_CERT` and `CLUSTER_TLS_KEY`: what the cluster port shows; both or none. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** `CLUSTER_TLS_CA` that other nodes' certificates are signed by. @default the system's */
  readonly ca: string | undefined;
}

export interface Config {
  /** `PORT` of the gateway; 0 takes a free one. @default 8080 */
  readonly port: number;
  /** `HOST` that the gateway binds to. @default "0.0.0.0" */
  readonly host: string;
  /** `ADMIN_PORT`; 0 takes a free one. @default 8081 */
  readonly adminPort: number;
  /** `ADMIN_HOST` that the admin port binds to. @default "127.0.0.1" */
  readonly adminHost: string;
  /** `CLUSTER_PORT`, used only with several nodes. @default 8082 */
  readonly clusterPort: number;
  /** `DATA_DIR` of the embedded resources. @default "./data" */
  readonly dataDir: string;
  /** `LOG_URL`. @default "sqlite:" */
  readonly logUrl: string;
  /** `STORE_URL`. @default "embedded:" */
  readonly storeUrl: string;
  /** `STORE_READ_URL` of a replica that answers queries for events and rollups. @default none */
  readonly storeReadUrl: string | undefined;
  /** `MIGRATE` `on` or `off`: whether this node may bring the store to its schema. @default on */
  readonly migrate: boolean;
  /** `CACHE_URL`: `memory:`, or `redis://` or `rediss://`, of a cluster with `?cluster=1`. @default "memory:" */
  readonly cacheUrl: string;
  /** `VECTORS_URL`: `memory:`, or `http(s)://[:api-key@]host[:6333]` of Qdrant. @default "memory:" */
  readonly vectorsUrl: string;
  /** `OBJECTS_URL`: `file:`, or `s3://key:secret@host[:port]/bucket?region=&tls=`. @default "file:" */
  readonly objectsUrl: string;
  /** `PARTITIONS` of `player.events.raw`, 1 to 1,024. @default 12 */
  readonly partitions: number;
  /** `WORKERS` that own shards, 1 to 256. @default one less than the machine's cores, at least 1 */
  readonly workers: number;
  /** `ROLES`, comma-separated, or `all`. @default all */
  readonly roles: ReadonlySet<Role>;
  /** `NODE_ID`, unique in a cluster. @default "node-0" */
  readonly nodeId: string;
  /** `ADVERTISED_URL` at which other nodes reach this one. @default none */
  readonly advertisedUrl: string | undefined;
  /** `CLUSTER_TOKEN` that nodes show each other. @default none */
  readonly clusterToken: string | undefined;
  /** `CLUSTER_TLS_CERT`, `CLUSTER_TLS_KEY`, `CLUSTER_TLS_CA`. @default none: nodes talk in the clear */
  readonly clusterTls: ClusterTls | undefined;
  /** `ADMIN_TOKEN`. @default none: made and printed at first start */
  readonly adminToken: string | undefined;
  /** `DEMO_KEY` of the studio `demo`. @default none: made and printed at first start */
  readonly demoKey: string | undefined;
  /** `KEYS_SECRET` that HMAC secrets are sealed under, one for all nodes. @default none: made at first start */
  readonly keysSecret: string | undefined;
  /** `JWT_ISSUER`, `JWT_AUDIENCE`, `JWKS_URL`: all three or none. @default none */
  readonly jwt: JwtConfig | undefined;
  /** `RATE_KEY`, `RATE_USER`, `RATE_ADDRESS`, `RATE_GLOBAL`: tokens a second; 0 is no limit. @default limits.rate… */
  readonly rates: RateConfig;
  /** `ACCESS_LOG`, `GRAPHIQL`, `HSTS_SECONDS`. */
  readonly http: HttpConfig;
  readonly edge: EdgeConfig;
  /** `LOG_LEVEL`. @default "info" */
  readonly logLevel: LogLevel;
  /**
   * `REDACT_FIELDS`, comma-separated: properties that admin answers mask; `none` masks nothing.
   *
   * @default email, phone, name, ip, address
   */
  readonly redactFields: readonly string[];
  /**
   * `PERSISTED_OPERATIONS`: a file of GraphQL operations that clients may name by their SHA-256; `off`
   * knows none. `PERSISTED_OPERATIONS_MODE` `allow` or `only`: whether others are run, too.
   *
   * @default off, allow
   */
  readonly persistedOperations: { readonly path: string; readonly only: boolean } | undefined;
  /** `JOURNAL_DAYS` that players' events are kept in the journal, 0 to 36,500; 0 keeps all. @default 90 */
  readonly journalDays: number;
}

/**
 * Reads the configuration. A variable that is set to the empty string counts as not set.
 *
 * @param env the environment
 * @param cores of the machine, for the default of `WORKERS`. @default what the runtime reports
 * @throws {ConfigFaults} naming every fault
 */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
  cores: number = navigator.hardwareConcurrency,
): Config {
  const read = new VariableReader(env);
  const hostOf = (name: string) =>
    read.text(name, /^[A-Za-z0-9.:_-]{1,255}$/, "a host name or IP address");
  const host = hostOf("HOST") ?? "0.0.0.0";
  const config: Config = {
    port: read.integer("PORT", 0, 65_535, 8080),
    host,
    adminPort: read.integer("ADMIN_PORT", 0, 65_535, 8081),
    adminHost: hostOf("ADMIN_HOST") ?? "127.0.0.1",
    clusterPort: read.integer("CLUSTER_PORT", 0, 65_535, 8082),
    dataDir: read.text("DATA_DIR", /^[^\0]+$/, "a folder") ?? "./data",
    logUrl: readLogUrl(read),
    storeUrl: read.resource("STORE_URL", "embedded:", ["postgres", "postgresql"], []),
    storeReadUrl: read.server("STORE_READ_URL", ["postgres", "postgresql"]),
    migrate: read.choice("MIGRATE", ["on", "off"], "on") === "on",
    cacheUrl: read.resource("CACHE_URL", "memory:", ["redis", "rediss"], []),
    vectorsUrl: read.resource("VECTORS_URL", "memory:", ["http", "https"], []),
    objectsUrl: read.resource("OBJECTS_URL", "file:", ["s3"], []),
    partitions: read.integer("PARTITIONS", 1, 1024, 12),
    workers: read.integer("WORKERS", 1, 256, Math.max(1, Math.min(256, cores - 1))),
    roles: read.subset("ROLES", roles),
    nodeId: read.text("NODE_ID", /^[A-Za-z0-9._-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 . _ -") ??
      "node-0",
    advertisedUrl: read.webUrl("ADVERTISED_URL"),
    clusterToken: read.secret("CLUSTER_TOKEN"),
    clusterTls: readClusterTls(read),
    adminToken: read.secret("ADMIN_TOKEN"),
    demoKey: read.secret("DEMO_KEY"),
    keysSecret: read.secret("KEYS_SECRET"),
    jwt: readJwt(read),
    rates: readRates(read),
    http: readHttpConfig(read, host),
    edge: readEdgeConfig(read),
    logLevel: read.choice("LOG_LEVEL", logLevels, "info"),
    redactFields: readRedactFields(read),
    persistedOperations: readPersistedOperations(read),
    journalDays: read.integer("JOURNAL_DAYS", 0, 36_500, 90),
  };
  checkPorts(read, config);
  checkStore(read, config);
  checkServers(read, config);
  checkCluster(read, config);
  if (read.faults.length > 0) throw new ConfigFaults(read.faults);
  return config;
}

function readLogUrl(read: VariableReader): string {
  const url = read.text("LOG_URL", /^/, "") ?? "sqlite:";
  if (!url.startsWith("kafka:")) return read.resource("LOG_URL", "sqlite:", ["kafka"], []);
  const target = parseKafkaUrl(url);
  if (typeof target === "string") read.fault("LOG_URL", target);
  return url;
}

function readRedactFields(read: VariableReader): string[] {
  const form = /^[\w.-]{1,64}(\s*,\s*[\w.-]{1,64}){0,99}$/;
  const text = read.text("REDACT_FIELDS", form, "none, or up to 100 property names with commas") ??
    "email,phone,name,ip,address";
  return text === "none" ? [] : text.split(",").map((name) => name.trim());
}

function readPersistedOperations(read: VariableReader): Config["persistedOperations"] {
  const path = read.text("PERSISTED_OPERATIONS", /^[^\0]+$/, "off, or a file of operations") ??
    "off";
  const mode = read.choice("PERSISTED_OPERATIONS_MODE", ["allow", "only"], "allow");
  if (path !== "off") return { path, only: mode === "only" };
  if (mode === "only") {
    read.fault("PERSISTED_OPERATIONS", "a file of operations, as the mode is only");
  }
  return undefined;
}

function readJwt(read: VariableReader): JwtConfig | undefined {
  const issuer = read.text("JWT_ISSUER", /^\S+$/, "the issuer as tokens name it");
  const audience = read.text("JWT_AUDIENCE", /^\S+$/, "the audience as tokens name it");
  const jwksUrl = read.webUrl("JWKS_URL");
  const given = { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWKS_URL: jwksUrl };
  const absent = Object.keys(given).filter((name) => !read.has(name));
  if (absent.length === 3) return undefined;
  for (const name of absent) {
    read.fault(name, "a value, as others of JWT_ISSUER, JWT_AUDIENCE, JWKS_URL are set");
  }
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) return undefined;
  return { issuer, audience, jwksUrl };
}

function readRates(read: VariableReader): RateConfig {
  const rate = (name: string, initial: number) => read.integer(name, 0, 1_000_000_000, initial);
  return {
    key: rate("RATE_KEY", limits.ratePerKey),
    user: rate("RATE_USER", limits.ratePerUser),
    address: rate("RATE_ADDRESS", limits.ratePerAddress),
    global: rate("RATE_GLOBAL", limits.rateGlobal),
  };
}

function readClusterTls(read: VariableReader): ClusterTls | undefined {
  const file = (name: string) => read.text(name, /^[^\0]+$/, "a PEM file");
  const cert = file("CLUSTER_TLS_CERT");
  const key = file("CLUSTER_TLS_KEY");
  const ca = file("CLUSTER_TLS_CA");
  if (cert === undefined && key !== undefined) {
    read.fault("CLUSTER_TLS_CERT", "a PEM file, as CLUSTER_TLS_KEY is set");
  }
  if (cert !== undefined && key === undefined) {
    read.fault("CLUSTER_TLS_KEY", "a PEM file, as CLUSTER_TLS_CERT is set");
  }
  return cert === undefined && ca === undefined ? undefined : { cert, key, ca };
}

/** One of several nodes is told so by its URL and the token; all of them share log and store. */
function checkCluster(read: VariableReader, config: Config): void {
  const { advertisedUrl, clusterToken, clusterTls, logUrl, storeUrl, clusterPort } = config;
  const isServedByTls = clusterTls?.cert !== undefined;
  if (advertisedUrl === undefined && clusterToken === undefined) return;
  if (advertisedUrl === undefined && !read.has("ADVERTISED_URL")) {
    read.fault("ADVERTISED_URL", "the URL of this node's CLUSTER_PORT, as CLUSTER_TOKEN is set");
  }
  if (clusterToken === undefined && !read.has("CLUSTER_TOKEN")) {
    read.fault("CLUSTER_TOKEN", "the secret that all nodes share, as ADVERTISED_URL is set");
  }
  if (!logUrl.startsWith("kafka")) {
    read.fault("LOG_URL", "kafka://: several nodes cannot share an embedded log");
  }
  if (storeUrl === "embedded:") {
    read.fault("STORE_URL", "postgres://: several nodes cannot share an embedded store");
  }
  if (clusterPort !== 0 && [config.port, config.adminPort].includes(clusterPort)) {
    read.fault("CLUSTER_PORT", `another port than PORT and ADMIN_PORT (${clusterPort})`);
  }
  const isTls = advertisedUrl?.startsWith("https:") === true;
  if (isTls && !isServedByTls) {
    read.fault("CLUSTER_TLS_CERT", "a PEM file, as ADVERTISED_URL is https://");
  }
  if (advertisedUrl !== undefined && !isTls && isServedByTls) {
    read.fault("ADVERTISED_URL", "an https:// URL, as CLUSTER_TLS_CERT is set");
  }
}

/** A URL that says too little would fail at its first use only. */
function checkServers(read: VariableReader, { cacheUrl, objectsUrl }: Config): void {
  if (cacheUrl.startsWith("redis") && !/^rediss?:\/\/[^/?]+(\/\d{0,4})?(\?.*)?$/.test(cacheUrl)) {
    read.fault(
      "CACHE_URL",
      "redis://[user:password@]host[:port][/database][?cluster=1&prefix=gm:]",
    );
  }
  const s3 = /^s3:\/\/[^/:@?]+:[^/:@?]+@[^/@?]+\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\?.*)?$/;
  if (objectsUrl.startsWith("s3:") && !s3.test(objectsUrl)) {
    read.fault("OBJECTS_URL", "s3://key:secret@host[:port]/bucket[?region=us-east-1&tls=0]");
  }
}

/** The log and the store must be of one kind: shards follow the log to any node. */
function checkStore(read: VariableReader, config: Config): void {
  const isTold = read.faults.some(({ variable }) => variable === "STORE_URL");
  if (!isTold && config.logUrl.startsWith("kafka:") && config.storeUrl === "embedded:") {
    const reason = "an embedded store belongs to one node, a log on Kafka to all";
    read.fault("STORE_URL", `a postgres:// URL beside a kafka:// LOG_URL: ${reason}`);
  }
}

/** Two listeners on one port would fail later, one after the other, with a worse message. */
function checkPorts(read: VariableReader, config: Config): void {
  if (config.port !== 0 && config.port === config.adminPort) {
    read.fault("ADMIN_PORT", `another port than PORT (${config.port})`);
  }
}
