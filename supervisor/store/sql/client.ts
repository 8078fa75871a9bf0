/**
 * Opens clients of PostgreSQL. The URL says how the line is kept secret, in libpq's words; the
 * client library knows some of them and would send the rest to the server as settings.
 *
 * @module
 */
import postgres from "postgres";
import { Terminal } from "../../../schema/errors.ts";

/** `sslmode` as we take it. Weaker ones than `require` fall back to plain text, so they mean `disable`. */
const modes = ["disable", "require", "verify-ca", "verify-full"] as const;
type SslMode = typeof modes[number];

/** What of a URL concerns TLS, and the URL without it. */
export interface SplitUrl {
  readonly url: string;
  readonly mode: SslMode;
  /** Files, PEM. */
  readonly rootCert?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Takes `sslmode`, `sslrootcert`, `sslcert` and `sslkey` out of a URL. With a root certificate and no
 * mode, the mode is `verify-full`.
 *
 * @throws {Terminal} `store_misconfigured`: an unknown mode
 */
export function splitUrl(text: string): SplitUrl {
  const url = new URL(text);
  const take = (name: string) => {
    const value = url.searchParams.get(name) || undefined;
    url.searchParams.delete(name);
    return value;
  };
  const rootCert = take("sslrootcert");
  const cert = take("sslcert");
  const key = take("sslkey");
  const mode = take("sslmode") ?? (rootCert === undefined ? "disable" : "verify-full");
  if (!modes.includes(mode as SslMode)) {
    const wanted = modes.join(", ");
    throw misconfigured(`Cannot use sslmode=${mode} of the store's URL: expected one of ${wanted}`);
  }
  return {
    url: url.href,
    mode: mode as SslMode,
    ...(rootCert === undefined ? {} : { rootCert }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/**
 * A client. Connects with its first statement.
 *
 * @throws {Terminal} `store_misconfigured`: an unknown `sslmode`, or a file of it that cannot be read
 */
export function openClient<T extends Record<string, postgres.PostgresType>>(
  text: string,
  options: postgres.Options<T>,
): postgres.Sql {
  const { url, mode, rootCert, cert, key } = splitUrl(text);
  if (mode === "disable") return postgres(url, { ...options, ssl: false }) as postgres.Sql;
  // Without a root certificate `require` keeps listeners out, not impostors, as libpq has it.
  const verifies = mode !== "require" || rootCert !== undefined;
  const ssl = {
    rejectUnauthorized: verifies,
    // The library tells names only; for an address "localhost" would be verified in its place.
    host: new URL(url).hostname.replace(/^\[|\]$/g, ""),
    ...(rootCert === undefined ? {} : { ca: readPem("sslrootcert", rootCert) }),
    ...(cert === undefined ? {} : { cert: readPem("sslcert", cert) }),
    ...(key === undefined ? {} : { key: readPem("sslkey", key) }),
  };
  return postgres(url, { ...options, ssl }) as postgres.Sql;
}

/** Where a URL leads, without user and password, for people: `host:port/database`. */
export function placeOf(text: string): string {
  const { host, pathname } = new URL(text);
  return `${host}${pathname}`;
}

function readPem(name: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw misconfigured(`Cannot read ${name} of the store's URL: ${reason}`, cause);
  }
}

function misconfigured(message: string, cause?: unknown): Terminal {
  return new Terminal("store_misconfigured", message, { cause });
}
