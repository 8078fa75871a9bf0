/**
 * Reads single variables and gathers what is wrong with them.
 *
 * @module
 */
import { PlatformError } from "./errors.ts";

/** A variable that cannot be used. */
export interface ConfigFault {
  readonly variable: string;
  /** The value as it may be shown: quoted, cut, secrets and passwords masked; `not set` if absent. */
  readonly seen: string;
  /** What would be right, fit to follow "expected". */
  readonly expected: string;
}

/** The configuration cannot be used. Lists every fault; the process exits with code 78. */
export class ConfigFaults extends PlatformError {
  override readonly name = "ConfigFaults";
  readonly code = "bad_configuration";
  override readonly isPublic = true;
  constructor(readonly faults: readonly ConfigFault[]) {
    const lines = faults.map((f) => `  ${f.variable}: ${f.seen}, expected ${f.expected}`);
    const noun = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
    super(`Cannot start as the configuration has ${noun}:\n${lines.join("\n")}`);
  }
}

const shownCharsMax = 100;

/** Variables whose value is never shown. */
const secretVariable = /(TOKEN|KEY|SECRET|PASSWORD)$/;

/** A reader over one environment; each method returns the default where it notes a fault. */
export class VariableReader {
  readonly faults: ConfigFault[] = [];

  constructor(private readonly env: Readonly<Record<string, string | undefined>>) {}

  /** True when the variable is set to something. */
  has(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  /** Notes that `name` is wrong. */
  fault(name: string, expected: string): void {
    this.faults.push({ variable: name, seen: shown(name, this.#get(name)), expected });
  }

  /** A whole number of `min` to `max`. */
  integer(name: string, min: number, max: number, initial: number): number {
    const text = this.#get(name);
    if (text === undefined) return initial;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    this.fault(name, `a whole number of ${min} to ${max}`);
    return initial;
  }

  /** Text of a form. @param expected says that form to people */
  text(name: string, form: RegExp, expected: string): string | undefined {
    const text = this.#get(name);
    if (text === undefined || form.test(text)) return text;
    this.fault(name, expected);
    return undefined;
  }

  /** A token or key: it travels in a header, so visible ASCII. */
  secret(name: string): string | undefined {
    return this.text(name, /^[\x21-\x7e]{1,512}$/, "1 to 512 visible ASCII characters, no blanks");
  }

  choice<const T extends readonly string[]>(name: string, among: T, initial: T[number]): T[number] {
    const text = this.#get(name)?.toLowerCase();
    if (text === undefined || among.includes(text)) return text ?? initial;
    this.fault(name, `one of ${among.join(", ")}`);
    return initial;
  }

  /** Comma-separated names among `among`; all of them when not set or `all`. */
  subset<const T extends readonly string[]>(name: string, among: T): ReadonlySet<T[number]> {
    const text = this.#get(name)?.toLowerCase();
    if (text === undefined || text === "all") return new Set(among);
    const names = text.split(",").map((part) => part.trim());
    if (names.every((part) => among.includes(part))) return new Set(names);
    this.fault(name, `all, or a comma-separated list of ${among.join(", ")}`);
    return new Set(among);
  }

  /** An `http:` or `https:` URL. */
  webUrl(name: string): string | undefined {
    const text = this.#get(name);
    if (text === undefined) return undefined;
    if (["http", "https"].includes(schemeOf(text) ?? "")) return text;
    this.fault(name, "an http:// or https:// URL");
    return undefined;
  }

  /** The URL of a server, with a host. @param schemes that can be used */
  server(name: string, schemes: readonly string[]): string | undefined {
    const text = this.#get(name);
    if (text === undefined) return undefined;
    if (schemes.includes(schemeOf(text) ?? "") && URL.parse(text)!.hostname !== "") return text;
    this.fault(name, `${schemes.map((scheme) => `${scheme}://`).join(" or ")} with a host`);
    return undefined;
  }

  /**
   * The URL of a resource: the embedded one (a scheme alone is enough) or a server's.
   *
   * @param embedded default URL, whose scheme is always right
   * @param servers schemes of servers that can be used
   * @param later schemes that are promised but cannot be used yet
   */
  resource(
    name: string,
    embedded: string,
    servers: readonly string[],
    later: readonly string[],
  ): string {
    const text = this.#get(name);
    if (text === undefined) return embedded;
    const scheme = schemeOf(text);
    if (scheme !== undefined && `${scheme}:` === embedded) return text;
    const usable = [embedded, ...servers.map((server) => `${server}://`)].join(" or ");
    if (scheme !== undefined && servers.includes(scheme)) {
      if (URL.parse(text)!.hostname !== "") return text;
      this.fault(name, `a host after ${scheme}://`);
    } else if (scheme !== undefined && later.includes(scheme)) {
      this.fault(name, `${usable}: ${scheme}:// is not supported yet`);
    } else {
      this.fault(name, usable);
    }
    return embedded;
  }

  #get(name: string): string | undefined {
    return this.env[name]?.trim() || undefined;
  }
}

/** The scheme of a URL without its colon; undefined for what is no URL. */
function schemeOf(text: string): string | undefined {
  return URL.parse(text)?.protocol.slice(0, -1);
}

function shown(name: string, value: string | undefined): string {
  if (value === undefined) return "not set";
  if (secretVariable.test(name)) return `a value of ${value.length} characters`;
  const masked = value.replace(/(:\/\/[^\s:/?#]*):\S*@/, "$1:***@");
  const cut = masked.length > shownCharsMax ? `${masked.slice(0, shownCharsMax)}…` : masked;
  return JSON.stringify(cut);
}
