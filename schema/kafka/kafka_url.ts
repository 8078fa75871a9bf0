/**
 * The URL of a log on Kafka:
 * `kafka://[user:password@]host:port[,host:port]*[?tls=1&ca=/path&prefix=…]`.
 *
 * @module
 */

export interface KafkaBroker {
  readonly host: string;
  readonly port: number;
}

/** What a `kafka://` URL says. Holds the password: never log it. */
export interface KafkaTarget {
  /** The brokers to ask first, at least one; the cluster names the others. */
  readonly brokers: readonly KafkaBroker[];
  /** Signs in with SASL/SCRAM-SHA-512. */
  readonly user?: { readonly name: string; readonly password: string };
  /** TLS; `caFile` is the certificate of who signed the brokers', the system's are used without. */
  readonly tls?: { readonly caFile?: string };
  /** Stands before the name of every topic and group: tests and drills have their own. */
  readonly prefix: string;
}

const form = /^kafka:\/\/(?:([^:@/?#]+):([^@/?#]+)@)?([^@/?#]+)\/?(?:\?([^#]*))?$/;
const hostForm = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}):(\d{1,5})$/;
const prefixForm = /^[A-Za-z0-9._-]{1,100}$/;
const options = new Set(["tls", "ca", "prefix"]);

/**
 * Reads a `kafka://` URL.
 *
 * @returns the target, or what would be right instead, fit to follow "expected"; never the password
 */
export function parseKafkaUrl(url: string): KafkaTarget | string {
  const parts = form.exec(url);
  if (parts === null) {
    return "kafka://[user:password@]host:port[,host:port][?tls=1&ca=/path&prefix=name.], " +
      "with special characters of user and password percent-encoded";
  }
  const brokers: KafkaBroker[] = [];
  for (const text of parts[3]!.split(",")) {
    const [, host, port] = hostForm.exec(text) ?? [];
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
      return `host:port for each broker, but one of them is ${JSON.stringify(text)}`;
    }
    brokers.push({ host: host.replace(/^\[|\]$/g, ""), port: Number(port) });
  }
  const query = new URLSearchParams(parts[4] ?? "");
  for (const name of query.keys()) {
    if (!options.has(name)) {
      return `only the options tls, ca and prefix, but there is ${JSON.stringify(name)}`;
    }
  }
  const tls = query.get("tls") ?? "0";
  const ca = query.get("ca");
  const prefix = query.get("prefix") ?? "";
  if (tls !== "0" && tls !== "1") return "tls=1 or tls=0";
  if (ca !== null && tls === "0") return "tls=1 beside ca";
  if (ca !== null && !ca.startsWith("/")) return "an absolute path as ca";
  if (prefix !== "" && !prefixForm.test(prefix)) {
    return "1 to 100 of A-Z a-z 0-9 . _ - as prefix";
  }
  const user = readUser(parts[1], parts[2]);
  if (user === null) return "well-formed percent-encoding in user and password";
  return {
    brokers,
    prefix,
    ...(user === undefined ? {} : { user }),
    ...(tls === "1" ? { tls: ca === null ? {} : { caFile: ca } } : {}),
  };
}

function readUser(name: string | undefined, password: string | undefined) {
  if (name === undefined || password === undefined) return undefined;
  try {
    return { name: decodeURIComponent(name), password: decodeURIComponent(password) };
  } catch {
    return null;
  }
}

/** The target as operators may see it: brokers and user, no password. */
export function describeKafka(target: KafkaTarget): string {
  const brokers = target.brokers.map(({ host, port }) => `${host}:${port}`).join(",");
  const user = target.user === undefined ? "" : `${encodeURIComponent(target.user.name)}@`;
  return `kafka://${user}${brokers}`;
}
