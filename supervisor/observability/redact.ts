/**
 * What a field may show in a log line: secrets are masked by the name of their field and inside
 * URLs, errors become plain data, and nothing is so deep, long or circular that it cannot be written.
 *
 * @module
 */

const mask = "[redacted]";
const depthMax = 6;
const textCharsMax = 8192;
const itemsMax = 100;

/** Field names whose values are never written, in any spelling (`api_key`, `apiKey`, `API-KEY`). */
const secretName =
  /(token|secret|passwd|password|passphrase|authorization|cookie|credential|(api|demo|write|private|access)[_-]?key$)/i;

/** `user:password@` of a URL, wherever it stands in a text. */
const urlPassword = /([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):[^\s/?#@]*@/gi;

/** True if a field of this name holds a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** The text with the passwords of URLs masked, cut at 8,192 characters. */
export function redactText(text: string): string {
  const shown = text.includes("://") ? text.replace(urlPassword, `$1:${mask}@`) : text;
  return shown.length > textCharsMax ? `${shown.slice(0, textCharsMax)}…` : shown;
}

/** A copy of `value` that is fit for `JSON.stringify` and shows no secret. */
export function redact(value: unknown, depth = 0, seen: object[] = []): unknown {
  switch (typeof value) {
    case "string":
      return redactText(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
    case "symbol":
    case "function":
      return String(value).slice(0, textCharsMax);
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (seen.includes(value)) return "[circular]";
  if (depth >= depthMax) return "[too deep]";
  const path = [...seen, value];
  if (value instanceof Error) return redactError(value, depth, path);
  if (value instanceof Date) return isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return redactItems(value, depth, path);
  if (value instanceof Set) return redactItems([...value], depth, path);
  if (value instanceof Map) return redactFields(value, depth, path);
  return redactFields(Object.entries(value), depth, path);
}

function redactItems(items: readonly unknown[], depth: number, path: object[]): unknown[] {
  const shown = items.slice(0, itemsMax).map((item) => redact(item, depth + 1, path));
  if (items.length > itemsMax) shown.push(`… ${items.length - itemsMax} more`);
  return shown;
}

function redactFields(
  fields: Iterable<[unknown, unknown]>,
  depth: number,
  path: object[],
): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  let count = 0;
  for (const [key, value] of fields) {
    if (++count > itemsMax) {
      shown["…"] = "more";
      break;
    }
    const name = String(key);
    shown[name] = isSecretName(name) && value !== undefined && value !== null
      ? mask
      : redact(value, depth + 1, path);
  }
  return shown;
}

/** Name, message, code, stack, cause: what an `Error` holds but `JSON.stringify` drops. */
function redactError(error: Error, depth: number, path: object[]): Record<string, unknown> {
  return {
    name: error.name,
    message: redactText(error.message),
    ...redactFields(Object.entries(error).filter(([k]) => k !== "name"), depth, path),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1, path) }),
  };
}
