/**
 * Apache Kafka in KRaft mode, one node or three, on plain Java.
 *
 * @module
 */
import { join } from "node:path";
import { topicTable } from "../../../schema/topics.ts";
import { startDaemon, waitUntil } from "../daemon.ts";
import { findProgram } from "../packages.ts";
import { host, portOf } from "../ports.ts";
import type { ProcessEntry, RunFile, Service, Site } from "../service.ts";
import { folderOf } from "../state_files.ts";
import { kafkaClassPath } from "./jars.ts";
import { brokerProperties, propertiesText } from "./properties.ts";
import { topicSpec } from "./topic_arguments.ts";

export const kafka: Service = { name: "kafka", up, ask };

interface Java {
  readonly program: string;
  readonly classPath: string;
  readonly folder: string;
}

async function up(site: Site): Promise<RunFile> {
  const java = await findJava(site);
  const ports = Array.from({ length: site.brokers }, (_, i) => portOf(site, "kafka", i));
  const processes: ProcessEntry[] = [];
  for (const [index, port] of ports.entries()) {
    processes.push(await startBroker(site, java, index, port));
  }
  const servers = ports.map((port) => `${host}:${port}`).join(",");
  const run: RunFile = {
    mode: "native",
    secure: site.secure,
    processes,
    variables: { LOG_URL: `kafka://${servers}` },
  };
  await waitUntil(() => ask(site, run), processes, join(java.folder, "broker-1.log"), 120_000);
  await createTopics(site, java, servers);
  return run;
}

async function findJava(site: Site): Promise<Java> {
  const home = Deno.env.get("JAVA_HOME");
  const program = await findProgram(site, {
    name: "java",
    folders: home === undefined ? [] : [join(home, "bin")],
    packages: ["default-jre-headless"],
  });
  const folder = folderOf(site, "kafka");
  await Deno.mkdir(folder, { recursive: true });
  return { program, classPath: await kafkaClassPath(site), folder };
}

async function startBroker(
  site: Site,
  java: Java,
  index: number,
  port: number,
): Promise<ProcessEntry> {
  const nodeId = index + 1;
  const dataFolder = join(java.folder, `data-${nodeId}`);
  const controllerPorts = Array.from(
    { length: site.brokers },
    (_, i) => portOf(site, "kafkaController", i),
  );
  const configuration = join(java.folder, `broker-${nodeId}.properties`);
  const properties = brokerProperties({ nodeId, host, port, dataFolder, controllerPorts });
  await Deno.writeTextFile(configuration, propertiesText(properties), { mode: 0o600 });
  const isFormatted = await Deno.stat(join(dataFolder, "meta.properties")).catch(() => undefined);
  if (isFormatted === undefined) {
    await runTool(java, "kafka.tools.StorageTool", [
      ...["format", "--cluster-id", await clusterId(java), "--config", configuration],
    ]);
  }
  return await startDaemon({
    program: java.program,
    args: [
      ...["-Xms256m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"],
      ...["-Djava.awt.headless=true", "-cp", java.classPath, "kafka.Kafka", configuration],
    ],
    logFile: join(java.folder, `broker-${nodeId}.log`),
    cwd: java.folder,
    port,
  });
}

/** The site's cluster id: 16 random bytes in URL-safe base64, the same for all its brokers. */
async function clusterId(java: Java): Promise<string> {
  const path = join(java.folder, "cluster_id");
  const known = await Deno.readTextFile(path).catch(() => "");
  if (known !== "") return known.trim();
  // Kafka takes no id that begins with a dash.
  const id = `k${crypto.getRandomValues(new Uint8Array(15)).toBase64({ alphabet: "base64url" })}`
    .slice(0, 21) + "A";
  await Deno.writeTextFile(path, `${id}\n`);
  return id;
}

async function createTopics(site: Site, java: Java, servers: string): Promise<void> {
  await Promise.all(
    Object.entries(topicTable()).map(([name, topic]) => {
      const { partitions, replicas, settings } = topicSpec(name, topic, site.brokers);
      return runTool(java, "org.apache.kafka.tools.TopicCommand", [
        ...["--bootstrap-server", servers, "--create", "--if-not-exists", "--topic", name],
        ...["--partitions", String(partitions), "--replication-factor", String(replicas)],
        ...Object.entries(settings).flatMap(([key, value]) => ["--config", `${key}=${value}`]),
      ]);
    }),
  );
}

async function runTool(java: Java, mainClass: string, args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(java.program, {
    args: ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", java.classPath, mainClass, ...args],
    cwd: java.folder,
    stdin: "null",
  }).output();
  if (success) return;
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new Error(`Cannot set up Kafka: ${mainClass} ${args.join(" ")} says:\n${text.trim()}`);
}

/** ApiVersions, of each broker. */
async function ask(_site: Site, run: RunFile): Promise<void> {
  for (const { port } of run.processes) await askApiVersions(port);
}

async function askApiVersions(port: number): Promise<void> {
  const correlation = 7;
  // Length, key 18, version 0, correlation id, no client id.
  const request = new Uint8Array([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, correlation, 255, 255]);
  using connection = await Deno.connect({ hostname: host, port });
  await connection.write(request);
  const answer = new Uint8Array(10);
  for (let done = 0; done < answer.length;) {
    const count = await connection.read(answer.subarray(done));
    if (count === null) throw new Error(`The broker on port ${port} hangs up`);
    done += count;
  }
  const view = new DataView(answer.buffer);
  if (view.getInt32(4) !== correlation || view.getInt16(8) !== 0) {
    throw new Error(
      `The broker on port ${port} answers ApiVersions with error ${view.getInt16(8)}`,
    );
  }
}
