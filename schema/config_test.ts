import assert from "node:assert/strict";
import { readConfig, roles } from "./config.ts";
import { ConfigFaults } from "./config_reader.ts";

/** The faults of an environment, by variable. */
function faultsOf(env: Record<string, string>): Map<string, { seen: string; expected: string }> {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigFaults);
    return new Map(error.faults.map((fault) => [fault.variable, fault]));
  }
  assert.fail(`${JSON.stringify(env)} was taken`);
}

Deno.test("readConfig() gives the contract's defaults for an empty environment", () => {
  assert.deepEqual(readConfig({}, 4), {
    port: 8080,
    host: "0.0.0.0",
    adminPort: 8081,
    adminHost: "127.0.0.1",
    clusterPort: 8082,
    dataDir: "./data",
    logUrl: "sqlite:",
    storeUrl: "embedded:",
    storeReadUrl: undefined,
    migrate: true,
    cacheUrl: "memory:",
    vectorsUrl: "memory:",
    objectsUrl: "file:",
    partitions: 12,
    workers: 3,
    roles: new Set(roles),
    nodeId: "node-0",
    advertisedUrl: undefined,
    clusterToken: undefined,
    clusterTls: undefined,
    adminToken: undefined,
    demoKey: undefined,
    keysSecret: undefined,
    rates: { key: 100_000, user: 500, address: 50_000, global: 200_000 },
    jwt: undefined,
    http: { accessLog: "errors", graphiql: false, hstsSeconds: 0 },
    edge: {
      guard: true,
      trustedProxies: [],
      proxyHeader: "x-forwarded-for",
      connectionsMax: 0,
      connectionsPerAddress: 2000,
    },
    logLevel: "info",
    redactFields: ["email", "phone", "name", "ip", "address"],
    persistedOperations: undefined,
    journalDays: 90,
  });
});

Deno.test("readConfig() takes JOURNAL_DAYS as days, 0 for all of them", () => {
  const read = (text: string) => readConfig({ JOURNAL_DAYS: text }).journalDays;
  assert.deepEqual([read("0"), read("7"), read("")], [0, 7, 90]);
  for (const wrong of ["-1", "1.5", "ever"]) {
    assert.equal(faultsOf({ JOURNAL_DAYS: wrong }).size, 1);
  }
});

Deno.test("readConfig() takes REDACT_FIELDS as names with commas, or none", () => {
  const read = (text: string) => readConfig({ REDACT_FIELDS: text }).redactFields;
  assert.deepEqual(read("e_mail, nick-name"), ["e_mail", "nick-name"]);
  assert.deepEqual(read("none"), []);
  assert.equal(faultsOf({ REDACT_FIELDS: "a,,b" }).size, 1);
});

Deno.test("readConfig() keeps at least one worker", () => {
  assert.deepEqual([1, 2, 16].map((cores) => readConfig({}, cores).workers), [1, 1, 15]);
});

Deno.test("readConfig() takes every variable", () => {
  const config = readConfig({
    PORT: "0",
    ADMIN_PORT: "9001",
    ADMIN_HOST: "::1",
    CLUSTER_PORT: "9002",
    DATA_DIR: "/var/lib/game metrics",
    LOG_URL: "sqlite:",
    STORE_URL: "postgres://gm:pw@db.example:5432/gm?sslmode=require",
    CACHE_URL: "memory:",
    VECTORS_URL: "memory:",
    OBJECTS_URL: "file:///var/objects",
    PARTITIONS: "24",
    WORKERS: "2",
    ROLES: "gateway, PLAYER",
    NODE_ID: "eu-1.a",
    CLUSTER_TLS_CA: "/etc/gm/ca.pem",
    ADMIN_TOKEN: "a",
    DEMO_KEY: "d",
    JWT_ISSUER: "https://id.example",
    JWT_AUDIENCE: "gm",
    JWKS_URL: "https://id.example/jwks",
    LOG_LEVEL: "WARN",
  });
  assert.equal(config.port, 0);
  assert.equal(config.storeUrl, "postgres://gm:pw@db.example:5432/gm?sslmode=require");
  assert.equal(config.objectsUrl, "file:///var/objects");
  assert.equal(config.dataDir, "/var/lib/game metrics");
  assert.deepEqual([...config.roles], ["gateway", "player"]);
  assert.deepEqual(config.jwt, {
    issuer: "https://id.example",
    audience: "gm",
    jwksUrl: "https://id.example/jwks",
  });
  assert.equal(config.logLevel, "warn");
  assert.deepEqual([config.adminToken, config.demoKey], ["a", "d"]);
  assert.deepEqual(config.clusterTls, { cert: undefined, key: undefined, ca: "/etc/gm/ca.pem" });
});

Deno.test("readConfig() tells all that is missing for one of several nodes", () => {
  const names = (env: Record<string, string>) => [...faultsOf(env).keys()].sort();
  assert.deepEqual(names({ CLUSTER_TOKEN: "c" }), ["ADVERTISED_URL", "LOG_URL", "STORE_URL"]);
  assert.deepEqual(names({ ADVERTISED_URL: "http://10.0.0.7:8082", CLUSTER_PORT: "8080" }), [
    "CLUSTER_PORT",
    "CLUSTER_TOKEN",
    "LOG_URL",
    "STORE_URL",
  ]);
  assert.deepEqual(names({ CLUSTER_TLS_KEY: "/key.pem" }), ["CLUSTER_TLS_CERT"]);
  const secure = {
    ADVERTISED_URL: "https://a:8082",
    CLUSTER_TOKEN: "c",
    STORE_URL: "postgres://db",
  };
  assert.deepEqual(names(secure), ["CLUSTER_TLS_CERT", "LOG_URL"]);
  const pem = { CLUSTER_TLS_CERT: "/cert.pem", CLUSTER_TLS_KEY: "/key.pem" };
  assert.deepEqual(names({ ...secure, ...pem }), ["LOG_URL"]);
  assert.deepEqual(names({ ...secure, ...pem, ADVERTISED_URL: "http://a:8082" }), [
    "ADVERTISED_URL",
    "LOG_URL",
  ]);
});

Deno.test("readConfig() takes the empty string for not set", () => {
  assert.deepEqual(readConfig({ PORT: "", LOG_URL: " ", DEMO_KEY: "" }, 4), readConfig({}, 4));
});

Deno.test("readConfig() lists all faults in one error", () => {
  const faults = faultsOf({
    PORT: "eighty",
    ADMIN_PORT: "70000",
    PARTITIONS: "0",
    WORKERS: "1.5",
    ROLES: "gateway,cook",
    LOG_LEVEL: "loud",
    NODE_ID: "a b",
    ADVERTISED_URL: "10.0.0.7:8082",
    STORE_URL: "mysql://db",
    DEMO_KEY: "with blank",
  });
  assert.deepEqual([...faults.keys()].sort(), [
    "ADMIN_PORT",
    "ADVERTISED_URL",
    "DEMO_KEY",
    "LOG_LEVEL",
    "NODE_ID",
    "PARTITIONS",
    "PORT",
    "ROLES",
    "STORE_URL",
    "WORKERS",
  ]);
  assert.equal(faults.get("PORT")?.seen, '"eighty"');
  assert.equal(faults.get("PORT")?.expected, "a whole number of 0 to 65535");
  assert.match(faults.get("ROLES")!.expected, /gateway, player, game/);
});

Deno.test("ConfigFaults says variable, value and expectation a line each", () => {
  assert.throws(() => readConfig({ PORT: "x", PARTITIONS: "-1" }), {
    name: "ConfigFaults",
    code: "bad_configuration",
    message: "Cannot start as the configuration has 2 faults:\n" +
      '  PORT: "x", expected a whole number of 0 to 65535\n' +
      '  PARTITIONS: "-1", expected a whole number of 1 to 1024',
  });
});

Deno.test("readConfig() never shows secrets", () => {
  const faults = faultsOf({
    ADMIN_TOKEN: "hunter2 hunter2",
    CLUSTER_TOKEN: "höhle",
    STORE_URL: "mysql://root:hunter2@db/x",
    LOG_URL: "kafka://u:hunter2/x@b",
  });
  assert.equal(faults.size, 4);
  assert.doesNotMatch(JSON.stringify([...faults]), /hunter2|höhle/);
  assert.equal(faults.get("ADMIN_TOKEN")?.seen, "a value of 15 characters");
  assert.equal(faults.get("STORE_URL")?.seen, '"mysql://root:***@db/x"');
});

Deno.test("readConfig() takes servers for cache, vectors and objects", () => {
  const servers = {
    CACHE_URL: ["redis://cache", "rediss://u:p%40@cache:6379/2?cluster=1", "redis://[::1]:6379/"],
    VECTORS_URL: ["http://qdrant:6333", "https://:key@qdrant"],
    OBJECTS_URL: ["s3://key:se%2Fcret@s3.eu-west-1.amazonaws.com/my.bucket?region=eu-west-1"],
  };
  for (const [variable, urls] of Object.entries(servers)) {
    for (const url of urls) assert.doesNotThrow(() => readConfig({ [variable]: url }), url);
  }
  const bad = {
    CACHE_URL: ["redis://cache/x", "redis:cache", "memcached://cache"],
    VECTORS_URL: ["qdrant:6333", "grpc://qdrant"],
    OBJECTS_URL: ["s3://bucket", "s3://host/bucket", "s3://key:hunter2@host/", "file"],
  };
  for (const [variable, urls] of Object.entries(bad)) {
    for (const url of urls) {
      const fault = faultsOf({ [variable]: url }).get(variable);
      assert.ok(fault !== undefined, url);
      assert.doesNotMatch(fault.seen, /hunter2/);
    }
  }
});

Deno.test("readConfig() refuses what is no URL of the resource", () => {
  for (const url of ["sqlite", "/var/log.db", "http://x", "://", "postgres://"]) {
    assert.equal(faultsOf({ LOG_URL: url }).get("LOG_URL")?.expected, "sqlite: or kafka://", url);
  }
  assert.equal(faultsOf({ STORE_URL: "postgres:///db" }).size, 1);
});

Deno.test("readConfig() takes a log on Kafka, with a store that all nodes share", () => {
  const env = { LOG_URL: "kafka://u:pw@a:9092,b:9092?prefix=t.", STORE_URL: "postgres://db/gm" };
  assert.equal(readConfig(env).logUrl, env.LOG_URL);
  const embedded = faultsOf({ LOG_URL: env.LOG_URL });
  assert.deepEqual([...embedded.keys()], ["STORE_URL"]);
  assert.match(embedded.get("STORE_URL")!.expected, /belongs to one node/);
  const bad = faultsOf({ ...env, LOG_URL: "kafka://u:pw@a:9092,b" });
  assert.match(bad.get("LOG_URL")!.expected, /host:port for each broker/);
});

Deno.test("readConfig() wants all JWT variables or none", () => {
  const faults = faultsOf({ JWT_ISSUER: "https://id.example" });
  assert.deepEqual([...faults.keys()], ["JWT_AUDIENCE", "JWKS_URL"]);
  assert.equal(faults.get("JWKS_URL")?.seen, "not set");
  assert.deepEqual(
    [...faultsOf({ JWT_ISSUER: "i", JWT_AUDIENCE: "a", JWKS_URL: "ftp://x" }).keys()],
    ["JWKS_URL"],
  );
});

Deno.test("readConfig() refuses one port for two listeners, but takes 0 twice", () => {
  assert.deepEqual([...faultsOf({ PORT: "8081" }).keys()], ["ADMIN_PORT"]);
  assert.equal(readConfig({ PORT: "0", ADMIN_PORT: "0" }).adminPort, 0);
});

Deno.test("readConfig() takes a file of persisted operations, alone or beside others", () => {
  const read = (env: Record<string, string>) => readConfig(env).persistedOperations;
  assert.equal(read({ PERSISTED_OPERATIONS: "off" }), undefined);
  assert.deepEqual(read({ PERSISTED_OPERATIONS: "ops.json" }), { path: "ops.json", only: false });
  const both = { PERSISTED_OPERATIONS: "ops.json", PERSISTED_OPERATIONS_MODE: "only" };
  assert.deepEqual(read(both), { path: "ops.json", only: true });
  for (const mode of ["only", "sometimes"]) {
    assert.throws(() => read({ PERSISTED_OPERATIONS_MODE: mode }), ConfigFaults);
  }
});
