/**
 * Restarting all that stands still by one call, once what halted it is mended.
 *
 * @module
 */
import { ActorHalted, OutcomeUnknown, Unavailable } from "../../../schema/errors.ts";
import type { ActorKind } from "../../platform.ts";
import type { AdminPlatform, HaltedRow } from "../admin_platform.ts";

/** Restarts under way at once: each may read a whole journal. */
const atOnce = 4;

/** No more are begun after so long, so that the call is answered; in milliseconds. */
const beginMsMax = 20_000;

export interface RestartHaltedOptions {
  /** @default of every kind */
  readonly kind: ActorKind | undefined;
  /** Actors to restart at most. */
  readonly limit: number;
  /** Only tell which ones it would be. */
  readonly dryRun: boolean;
}

/** What became of one of them. */
export interface RestartedRow extends Pick<HaltedRow, "kind" | "id" | "reason" | "since"> {
  /** It runs; `null`: it was not tried, as this is a dry run. */
  readonly restarted: boolean | null;
  /** Code of why its shard could not be asked; `null`: it could, and a false `restarted` has halted again. */
  readonly error: string | null;
}

export interface RestartHalted {
  readonly dry_run: boolean;
  /** Those that run now. */
  readonly restarted: number;
  /** Those that this call was about: who has stood still for longest comes first. */
  readonly items: readonly RestartedRow[];
  /** Of the kind asked for, not among `items`: call again. */
  readonly left: number;
}

const rowOf = ({ kind, id, reason, since }: HaltedRow) => ({ kind, id, reason, since });

/** The code of an error that is one actor's or shard's; others end the call. */
function codeOf(error: unknown): string {
  const isOfOne = error instanceof Unavailable || error instanceof OutcomeUnknown ||
    error instanceof ActorHalted;
  if (isOfOne) return error.code;
  throw error;
}

/**
 * Restarts halted actors, a few at once, until `limit` are done or 20 s are over. One
 * that halts again has a later `since`, so that calling again goes on with the others first.
 *
 * @param now milliseconds; only differences count
 */
export async function restartHalted(
  platform: Pick<AdminPlatform, "halted" | "actActor">,
  { kind, limit, dryRun }: RestartHaltedOptions,
  now: () => number,
): Promise<RestartHalted> {
  const endMs = now() + beginMsMax;
  const order = ({ since, kind, id }: HaltedRow) => `${since} ${kind} ${id}`;
  const found = (await platform.halted())
    .filter((row) => kind === undefined || row.kind === kind)
    .sort((a, b) => order(a) < order(b) ? -1 : 1);
  const chosen = found.slice(0, limit);
  const items: RestartedRow[] = [];
  if (dryRun) {
    items.push(...chosen.map((row) => ({ ...rowOf(row), restarted: null, error: null })));
  }
  for (let i = 0; !dryRun && i < chosen.length && now() < endMs;) {
    const some = chosen.slice(i, i += atOnce);
    items.push(
      ...await Promise.all(some.map(async (row): Promise<RestartedRow> => {
        try {
          const restarted = await platform.actActor(row.kind, row.id, "restart");
          return { ...rowOf(row), restarted, error: null };
        } catch (error) {
          return { ...rowOf(row), restarted: false, error: codeOf(error) };
        }
      })),
    );
  }
  const restarted = items.filter((item) => item.restarted === true).length;
  return { dry_run: dryRun, restarted, items, left: found.length - items.length };
}
