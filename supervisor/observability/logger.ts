/**
 * The log of the process for its operator: one JSON object a line on stderr, or one readable line
 * when stderr is a terminal. Works in workers, each of which reads `LOG_LEVEL` for itself.
 *
 * ```ts
 * const log = logger("store");
 * log.warn("The commit was slow", { ms: 812, partition: 3 });
 * ```
 *
 * @module
 */
import { type LogLevel, logLevels } from "../../schema/config.ts";
import { redact, redactText } from "./redact.ts";

export type { LogLevel };

/** Facts of a line, `snake_case`. Values of fields with secret names are masked. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines all carry `fields` too. */
  with(fields: LogFields): Logger;
}

export interface LoggerOptions {
  /** Takes one line, with its line feed. */
  readonly write: (line: string) => void;
  /** The lowest level that is written, asked for each line. */
  readonly level: () => LogLevel;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
  /** One readable line instead of JSON. @default false */
  readonly pretty?: boolean;
}

/** A logger of its own, for tests and special sinks; the platform uses {@link logger}. */
export function createLogger(options: LoggerOptions, context: LogFields = {}): Logger {
  const { write, level, now = Date.now, pretty = false } = options;
  const log = (lineLevel: LogLevel, message: string, fields?: LogFields) => {
    if (logLevels.indexOf(lineLevel) < logLevels.indexOf(level())) return;
    const ts = new Date(now()).toISOString();
    const shown = redact({ ...context, ...fields }) as Record<string, unknown>;
    const text = redactText(message);
    write(
      pretty
        ? prettyLine(ts, lineLevel, text, shown)
        : JSON.stringify({ ts, level: lineLevel, msg: text, ...renamed(shown) }) + "\n",
    );
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    with: (fields) => createLogger(options, { ...context, ...fields }),
  };
}

/** Fields never overwrite what every line has. */
function renamed(fields: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    out[name === "ts" || name === "level" || name === "msg" ? `${name}_` : name] = value;
  }
  return out;
}

const colours: Record<LogLevel, number> = { debug: 90, info: 36, warn: 33, error: 31, silent: 0 };

function prettyLine(
  ts: string,
  level: LogLevel,
  message: string,
  fields: Record<string, unknown>,
): string {
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("");
  const tag = `\x1b[${colours[level]}m${level.padEnd(5)}\x1b[0m`;
  return `${ts.slice(11, 23)} ${tag} ${message}\x1b[90m${facts}\x1b[0m`.replaceAll("\n", "\\n") +
    "\n";
}

const encoder = new TextEncoder();

/** Writes a whole line to stderr; a closed stderr must not take the process down. */
function writeStderr(line: string): void {
  const bytes = encoder.encode(line);
  try {
    for (let done = 0; done < bytes.length;) done += Deno.stderr.writeSync(bytes.subarray(done));
  } catch { /* nobody is left to be told */ }
}

function levelFromEnvironment(): LogLevel {
  const named = Deno.env.get("LOG_LEVEL")?.toLowerCase() as LogLevel | undefined;
  return named !== undefined && logLevels.includes(named) ? named : "info";
}

let currentLevel = levelFromEnvironment();

/** Changes the level of every {@link logger} of this worker, from the next line on. */
export function setLogLevel(level: LogLevel): void {
  currentLevel = level;
}

/** The level in force in this worker. */
export function logLevel(): LogLevel {
  return currentLevel;
}

/** The logger of a part of the platform. @param part `store`, `shard` …; the field `part` of its lines */
export function logger(part: string, fields: LogFields = {}): Logger {
  return createLogger({
    write: writeStderr,
    level: logLevel,
    pretty: Deno.stderr.isTerminal() && !Deno.noColor,
  }, { part, ...fields });
}
