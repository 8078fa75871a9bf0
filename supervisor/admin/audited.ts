/**
 * Tells the audit trail of each call.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { isSecretName } from "../observability/redact.ts";
import type { AuditRow } from "./admin_platform.ts";
import { masked } from "./mask_fields.ts";

/** What the listener knows of a request; passed to `fetch` as its second argument. */
export interface AdminEnv {
  /** Address of who calls. */
  readonly remote?: string;
}

const targetCharsMax = 2048;
const calls = new WeakMap<Context, string>();

/** Names the call that is being answered, as the audit trail does. */
export function callOf(c: Context): string {
  return calls.get(c)!;
}

/** Path and query as sent, without the values of parameters that have a secret's name. */
function targetOf(url: string): string {
  const { pathname, search, searchParams } = new URL(url);
  const secrets = [...searchParams.keys()].filter(isSecretName);
  for (const name of secrets) searchParams.set(name, masked);
  const query = secrets.length === 0 ? search : `?${searchParams}`;
  return (pathname + query).slice(0, targetCharsMax);
}

/** Names each call, in its answer's header `x-call-id` too, and tells `audit` once it is answered. */
export function audited(audit: (row: AuditRow) => void, now: () => number): MiddlewareHandler {
  return async function auditCall(c, next) {
    const startMs = now();
    const call = crypto.randomUUID();
    calls.set(c, call);
    await next();
    c.res.headers.set("x-call-id", call);
    const endMs = now();
    audit({
      at: new Date(endMs).toISOString(),
      call,
      method: c.req.method,
      target: targetOf(c.req.url),
      status: c.res.status,
      duration_ms: endMs - startMs,
      remote: (c.env as AdminEnv | undefined)?.remote ?? null,
    });
  };
}
