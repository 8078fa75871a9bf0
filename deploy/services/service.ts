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
  /** Absolute; holds a folder per service, `env.json` and the certificates. */
  readonly folder: string;
  /** Added to each port, so that two sites can run side by side. */
  readonly portOffset: number;
  /** Kafka brokers: 1 or 3. */
  readonly brokers: number;
  /** With passwords, access lists and TLS. */
  readonly secure: boolean;
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
}

/** What `run.json` in the service's folder says. */
export interface RunFile {
  readonly mode: "native" | "docker";
  readonly secure: boolean;
  /** Empty with Docker, whose engine knows. */
  readonly processes: readonly ProcessEntry[];
  /** What to export to use the service. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Service {
  readonly name: ServiceName;
  /** Starts what does not run yet, and waits until it answers. */
  readonly up: (site: Site) => Promise<RunFile>;
  /** Really asks the service. Rejects with the reason if it does not answer. */
  readonly ask: (site: Site, run: RunFile) => Promise<void>;
}
