/**
 * How the gateway's port speaks HTTP, as configured.
 *
 * @module
 */
import type { VariableReader } from "../config_reader.ts";

/** What the access log writes; a number is the share of good answers it writes beside the others. */
export type AccessLogMode = "off" | "errors" | "all" | number;

export interface HttpConfig {
  /** `ACCESS_LOG`: `off`, `errors` (also what is slow), `all`, or a share from 0 to 1. @default "errors" */
  readonly accessLog: AccessLogMode;
  /** `GRAPHIQL` `on` or `off`: whether `/graphiql` is served. @default on if `HOST` is loopback */
  readonly graphiql: boolean;
  /** `HSTS_SECONDS` that browsers are to insist on HTTPS; for a host that always has TLS. @default 0: nothing is said */
  readonly hstsSeconds: number;
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

/** @param host that the gateway binds to */
export function readHttpConfig(read: VariableReader, host: string): HttpConfig {
  const graphiql = read.choice("GRAPHIQL", ["on", "off"], loopback.test(host) ? "on" : "off");
  return {
    accessLog: readAccessLog(read),
    graphiql: graphiql === "on",
    hstsSeconds: read.integer("HSTS_SECONDS", 0, 63_072_000, 0),
  };
}

function readAccessLog(read: VariableReader): AccessLogMode {
  const form = /^(off|errors|all|0?\.\d{1,9}|0|1)$/;
  const expected = "off, errors, all, or a share of 0 to 1 such as 0.01";
  const text = read.text("ACCESS_LOG", form, expected) ?? "errors";
  return text === "off" || text === "errors" || text === "all" ? text : Number(text);
}
