/**
 * What a service of `deno task services` is: how it is started, asked and stopped.
 *
 * @module
 */

export const serviceNames = ["kafka", "postgres", "redis", "minio", "qdrant"] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Those that `up` starts when none is named. */
export const defaultServices: readonly ServiceName[] = ["kafka", "postgres", "redis"];

/** Where the services of one checkout live and how they are wished. */
export interface Site {
  /** Absolute; holds a folder per service, `env.json`, passwords and certificates. */
  readonly folder: string;
  /** Added to each port, so that two sites can run side by side. */
  readonly portOffset: number;
  /** Addresses that Kafka or PostgreSQL listens on, so that a link to it can be cut. @default loopback */
  readonly hosts?: Readonly<Partial<Record<"kafka" | "postgres", string>>>;
  /** Kafka brokers: 1 or 3. */
  readonly brokers: number;
  /** With passwords, access lists and TLS. */
  readonly secure: boolean;
  /** Partitions of the raw topic, where not as in the table. */
  readonly partitions?: number;
  /** Tells a person what takes time. */
  readonly progress: (line: string) => void;
}

/** One process of a service. */
export interface ProcessEntry {
  readonly pid: number;
  /** What tells the process from a later one with the same pid; see `identityOf()`. */
  readonly identity: string;
  readonly port: number;
  /** RFC 3339. */
  readonly since: string;
  readonly logFile: string;
}

/** What to export to use a service, by name. */
export type Variables = Readonly<Record<string, string>>;

/** What `run.json` in the service's folder says. */
export interface RunFile {
  readonly engine: "native" | "docker";
  readonly secure: boolean;
  /** RFC 3339. */
  readonly since: string;
  readonly portOffset: number;
  /** Empty with Docker, whose engine knows. */
  readonly processes: readonly ProcessEntry[];
  readonly variables: Variables;
}

export interface Service {
  readonly name: ServiceName;
  /** What to export; made before the start, and the same each time. */
  readonly variables: (site: Site) => Promise<Variables>;
  /** Starts its processes without waiting; absent where only Docker has it. */
  readonly start?: (site: Site) => Promise<ProcessEntry[]>;
  /** Really asks, as a user of the service does. Rejects with the reason if it does not answer. */
  readonly ask: (variables: Variables) => Promise<void>;
  /** Whether it has come up, where `ask` needs what `prepare` makes. @default `ask` */
  readonly askReady?: (variables: Variables) => Promise<void>;
  /** Makes what is missing inside: topics, users, the database. */
  readonly prepare?: (site: Site, variables: Variables) => Promise<void>;
  /** Asks a process to stop in order. */
  readonly stopSignal: Deno.Signal;
  /** Removes data that lies outside of the service's folder. */
  readonly wipe?: (site: Site) => Promise<void>;
}
