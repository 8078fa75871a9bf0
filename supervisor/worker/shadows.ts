/**
 * The shadows of a worker's stages, started and ended by operators.
 *
 * @module
 */
import { InvalidInput } from "../../schema/errors.ts";
import type { ShadowOptions, ShadowReport } from "../shard/shadow/shadow.ts";
import { ShadowStage } from "../shard/shadow/shadow_stage.ts";
import type { AnyBehaviour, Stage } from "../shard/stage.ts";
import type { StageName } from "../store/store.ts";

/** Asks a worker for a shadow of `stage`. */
export interface ShadowStart extends ShadowOptions {
  readonly stage: StageName;
  /** URL of a module whose export `behaviour` is the other version. */
  readonly module: string;
}

export class Shadows {
  readonly stages: Readonly<Record<StageName, ShadowStage>>;

  constructor(stages: Readonly<Record<StageName, Stage>>) {
    const shadowable = Object.entries(stages).map(([name, stage]) =>
      [name, new ShadowStage(stage)] as const
    );
    this.stages = Object.fromEntries(shadowable) as Record<StageName, ShadowStage>;
  }

  /** @throws {InvalidInput} `module`: it cannot be loaded, or exports no behaviour of this kind */
  async start({ stage, module, ...options }: ShadowStart): Promise<ShadowReport> {
    const shadowed = this.stages[stage];
    const behaviour = await load(module, shadowed.behaviour.kind);
    shadowed.startShadow(behaviour, options);
    return shadowed.shadowReport()!;
  }

  report(stage: StageName): ShadowReport | null {
    return this.stages[stage].shadowReport() ?? null;
  }

  /** Ends it. @returns its last report */
  stop(stage: StageName): ShadowReport | null {
    return this.stages[stage].stopShadow() ?? null;
  }
}

async function load(module: string, kind: string): Promise<AnyBehaviour> {
  const refuse = (why: string) =>
    new InvalidInput("invalid_field", `Cannot start a shadow from '${module}': ${why}`, "module");
  let loaded: { readonly behaviour?: Partial<AnyBehaviour> };
  try {
    loaded = await import(module);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const { behaviour } = loaded;
  if (typeof behaviour?.receive !== "function" || typeof behaviour.restore !== "function") {
    throw refuse("it has no export 'behaviour' that is a behaviour");
  }
  if (behaviour.kind !== kind) {
    throw refuse(`its behaviour is of kind '${behaviour.kind}', expected '${kind}'`);
  }
  return behaviour as AnyBehaviour;
}

/** What several workers report of one stage's shadow; `null` when none has one. */
export function mergeReports(reports: readonly (ShadowReport | null)[]): ShadowReport | null {
  const all = reports.filter((report) => report !== null);
  const [first] = all;
  if (first === undefined) return null;
  const sum = (of: (report: ShadowReport) => number) =>
    all.reduce((total, report) => total + of(report), 0);
  return {
    version: first.version,
    share: first.share,
    actors: sum((report) => report.actors),
    skipped: sum((report) => report.skipped),
    messages: sum((report) => report.messages),
    different: sum((report) => report.different),
    differences: all.flatMap((report) => report.differences).slice(0, 100),
  };
}
