/**
 * What a fault drill is: a fault, put on a real platform, and what must still hold.
 *
 * @module
 */

/** What every drill is given. */
export interface BaseContext {
  readonly seed: number;
  /** The short form, at most 90 s; else the form that the promise names. */
  readonly quick: boolean;
  /** Tells how the drill goes on, one line a call. */
  readonly print: (line: string) => void;
}

/** What a drill is given that attacks a platform which runs already, on the embedded defaults. */
export interface DrillContext extends BaseContext {
  /** Base URL of the gateway. */
  readonly url: string;
  /** A key of the studio `demo` that may write and read. */
  readonly key: string;
  /** Of the platform, for its memory. */
  readonly pid: number;
}

/** What a drill has found. */
export interface DrillResult {
  readonly pass: boolean;
  /** Figures by name; durations in milliseconds end in `_ms`, sizes in bytes in `_bytes`. */
  readonly counts: Readonly<Record<string, number>>;
  /** What did not hold, one line each; with a pass what else is worth knowing. */
  readonly notes: readonly string[];
  /** Why it could not be run here: what it needs is not there. It has neither passed nor failed. */
  readonly skipped?: string;
}

/** The result of a drill that cannot be run here. */
export function skip(reason: string): DrillResult {
  return { pass: false, counts: {}, notes: [`skipped: ${reason}`], skipped: reason };
}

/** A drill on a running platform. */
export interface Drill {
  /** Its number in the table of drills. */
  readonly id: string;
  /** How `drill NAME` calls it, `kebab-case`. */
  readonly name: string;
  run(ctx: DrillContext): Promise<DrillResult>;
}

/** What a drill is given that starts its platforms itself. */
export interface OwnContext extends BaseContext {
  /** An empty folder for data folders and files; removed afterwards. */
  readonly dir: string;
  /** The promise to break, to show that the drill would notice; `undefined`: none. */
  readonly mutation: string | undefined;
}

/** A drill that starts and kills its platforms itself. */
export interface OwnDrill {
  readonly id: string;
  readonly name: string;
  /**
   * Promises that it can break on purpose, by name: with any of them it must fail, with a note that
   * the expression matches, so that it fails for that reason.
   */
  readonly mutations: Readonly<Record<string, RegExp>>;
  run(ctx: OwnContext): Promise<DrillResult>;
}
