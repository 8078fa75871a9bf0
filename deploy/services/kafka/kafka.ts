/**
 * Apache Kafka in KRaft mode, one node or three, on plain Java.
 *
 * @module
 */
import { join } from "node:path";
import { type Certificates, certificatesOf } from "../certificates.ts";
import { startDaemon } from "../machine/daemon.ts";
import { findProgram } from "../machine/packages.ts";
import { passwordOf } from "../passwords.ts";
import { hostOf, portOf } from "../ports.ts";
import type { ProcessEntry, Service, Site, Variables } from "../service.ts";
import { folderOf } from "../state_files.ts";
import { accessRules, type KafkaUser, kafkaUsers } from "./access.ts";
import { askKafka, createAccess, createTopics } from "./admin.ts";
import { kafkaClassPath } from "./jars.ts";
import { brokerProperties, propertiesText, saslMechanism } from "./properties.ts";
import { topicSpecs } from "./topic_specs.ts";

export const kafka: Service = {
  name: "kafka",
  variables,
  start,
  ask: (variables) => askKafka(adminUrl(variables)),
  prepare,
  stopSignal: "SIGTERM",
};

export const javaProgram = {
  name: "java",
  folders: [join(Deno.env.get("JAVA_HOME") ?? "/usr/lib/jvm/default-java", "bin")],
  packages: ["default-jre-headless"],
};

interface Java {
  readonly program: string;
  readonly classPath: string;
}

/** What all brokers of a cluster share. */
interface Secrets {
  readonly clusterId: string;
  readonly certificates: Certificates | undefined;
  readonly passwords: readonly (readonly [user: KafkaUser, password: string])[];
}

function adminUrl(variables: Variables): string {
  return variables["LOG_ADMIN_URL"] ?? variables["LOG_URL"]!;
}

/** One URL, or with users one for each; `LOG_URL` is the one of a process with all roles. */
async function variables(site: Site): Promise<Variables> {
  const ports = Array.from({ length: site.brokers }, (_, i) => portOf(site, "kafka", i));
  const servers = ports.map((port) => `${hostOf(site, "kafka")}:${port}`).join(",");
  if (!site.secure) return { LOG_URL: `kafka://${servers}` };
  const { ca } = await certificatesOf(site);
  const url = async (user: KafkaUser) =>
    `kafka://${user}:${await kafkaPassword(site, user)}@${servers}?tls=1&ca=${ca}`;
  return {
    LOG_URL: await url("platform"),
    LOG_GATEWAY_URL: await url("gateway"),
    LOG_WORKER_URL: await url("worker"),
    LOG_ADMIN_URL: await url("admin"),
  };
}

function kafkaPassword(site: Site, user: KafkaUser): Promise<string> {
  return passwordOf(site, `kafka-${user}`);
}

async function start(site: Site): Promise<ProcessEntry[]> {
  const program = await findProgram(site, javaProgram);
  const java = { program, classPath: await kafkaClassPath(site) };
  // Once for all brokers: what is made here is made at its first use.
  const secrets: Secrets = {
    clusterId: await clusterId(site),
    certificates: site.secure ? await certificatesOf(site) : undefined,
    passwords: await Promise.all(
      kafkaUsers.map(async (user) => [user, await kafkaPassword(site, user)] as const),
    ),
  };
  const brokers = Array.from({ length: site.brokers }, (_, index) => index + 1);
  await Promise.all(brokers.map((nodeId) => configureBroker(site, java, secrets, nodeId)));
  return await Promise.all(brokers.map((nodeId) => startBroker(site, java, nodeId)));
}

/** Data of another number of brokers, or of other users, would not fit. */
function brokerFolder(site: Site, nodeId: number): string {
  const kind = `${site.brokers}${site.secure ? "-secure" : ""}`;
  return join(folderOf(site, "kafka"), `brokers-${kind}`, `broker-${nodeId}`);
}

/** Writes a broker's settings and, once, formats its data folder with the users in it. */
async function configureBroker(
  site: Site,
  java: Java,
  { clusterId, certificates, passwords }: Secrets,
  nodeId: number,
): Promise<void> {
  const folder = brokerFolder(site, nodeId);
  await Deno.mkdir(folder, { recursive: true });
  const controllerPorts = Array.from(
    { length: site.brokers },
    (_, i) => portOf(site, "kafkaController", i),
  );
  const properties = brokerProperties({
    nodeId,
    host: hostOf(site, "kafka"),
    port: portOf(site, "kafka", nodeId - 1),
    dataFolder: join(folder, "data"),
    controllerPorts,
    security: certificates && {
      ...certificates,
      admin: "admin",
      password: new Map(passwords).get("admin")!,
    },
  });
  const configuration = join(folder, "server.properties");
  await Deno.writeTextFile(configuration, propertiesText(properties), { mode: 0o600 });
  await Deno.writeTextFile(join(folder, "log4j2.properties"), logSettings);
  const formatted = await Deno.stat(join(folder, "data", "meta.properties")).catch(() => undefined);
  if (formatted !== undefined) return;
  const users = passwords.map(([user, password]) => [
    ...["--add-scram", `${saslMechanism}=[name=${user},password=${password}]`],
  ]);
  await runTool(java, "kafka.tools.StorageTool", [
    ...["format", "--cluster-id", clusterId, "--config", configuration],
    ...(site.secure ? users.flat() : []),
  ]);
}

/** Standard output goes to the broker's log file; what it tells at each start fills no screen. */
const logSettings = `
rootLogger.level = WARN
rootLogger.appenderRef.stdout.ref = STDOUT
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d %p %c{1}: %m%n
`;

async function startBroker(site: Site, java: Java, nodeId: number): Promise<ProcessEntry> {
  const folder = brokerFolder(site, nodeId);
  return await startDaemon({
    program: java.program,
    args: [
      ...["-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"],
      ...["-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"],
      `-Dlog4j2.configurationFile=${join(folder, "log4j2.properties")}`,
      ...["-cp", java.classPath, "kafka.Kafka", join(folder, "server.properties")],
    ],
    logFile: join(folder, "broker.log"),
    cwd: folder,
    port: portOf(site, "kafka", nodeId - 1),
  });
}

/** The id of the site's clusters: 16 bytes in URL-safe base64, without padding. */
async function clusterId(site: Site): Promise<string> {
  const hex = await passwordOf(site, "kafka-cluster-id");
  const id = Uint8Array.fromHex(hex).toBase64({ alphabet: "base64url", omitPadding: true });
  // Kafka's tool would take a leading dash for an option.
  return id.replace(/^-/, "A");
}

async function runTool(java: Java, mainClass: string, args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(java.program, {
    args: ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", java.classPath, mainClass, ...args],
    stdin: "null",
  }).output();
  if (success) return;
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  // The arguments may hold passwords.
  throw new Error(`Cannot set up Kafka: ${mainClass} ${args[0]} says:\n${text.trim()}`);
}

async function prepare(site: Site, variables: Variables): Promise<void> {
  const url = adminUrl(variables);
  await createTopics(url, topicSpecs(site.brokers, site.partitions));
  if (site.secure) await createAccess(url, accessRules());
}
