/**
 * Options of the command-line programs: one table says name, default and help.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** How one option is given. A `number` or `text` without default may be absent. */
export interface OptionSpec {
  readonly type: "number" | "text" | "flag";
  readonly help: string;
  readonly default?: number | string | undefined;
}

/** What the program was told; read by type. */
export class Options {
  readonly #values: Readonly<Record<string, string | boolean | undefined>>;
  readonly #specs: Readonly<Record<string, OptionSpec>>;

  /**
   * @throws {RangeError} an option is unknown, or a number is none; the message says which
   */
  constructor(args: readonly string[], specs: Readonly<Record<string, OptionSpec>>) {
    this.#specs = specs;
    try {
      this.#values = parseArgs({
        args: [...args],
        options: Object.fromEntries(
          Object.entries(specs).map((
            [name, spec],
          ) => [name, { type: spec.type === "flag" ? "boolean" : "string" }]),
        ),
        allowPositionals: false,
      }).values;
    } catch (cause) {
      throw new RangeError((cause as Error).message, { cause });
    }
    for (const name of Object.keys(specs)) this.#check(name);
  }

  #check(name: string): void {
    if (this.#specs[name]!.type === "number") this.number(name);
  }

  /** The number, its default, or `undefined`. */
  number(name: string): number | undefined {
    const text = this.#values[name] as string | undefined;
    if (text === undefined) return this.#specs[name]!.default as number | undefined;
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value)) {
      throw new RangeError(
        `Cannot start as '--${name}' must be a number: current value is ${text}`,
      );
    }
    return value;
  }

  /** The text, its default, or `undefined`. */
  text(name: string): string | undefined {
    return (this.#values[name] as string | undefined) ??
      (this.#specs[name]!.default as string | undefined);
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }
}

/** Help text: usage and a line for each option. */
export function helpText(usage: string, specs: Readonly<Record<string, OptionSpec>>): string {
  const lines = Object.entries(specs).map(([name, spec]) => {
    const value = spec.type === "flag" ? "" : spec.type === "number" ? " N" : " TEXT";
    const byDefault = spec.default === undefined ? "" : ` (default ${spec.default})`;
    return `  ${`--${name}${value}`.padEnd(22)} ${spec.help}${byDefault}`;
  });
  return [usage, "", ...lines].join("\n");
}
