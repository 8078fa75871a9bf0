/**
 * An actor out of what the store has of it: its snapshot, if that can be trusted, and the journal
 * after it.
 *
 * @module
 */
import type { Part } from "../../../actors/kernel/behaviour.ts";
import { ActorHalted } from "../../../schema/errors.ts";
import { fingerprintHex } from "../../../schema/hash.ts";
import type { SnapshotPart, StoredActor } from "../../store/store.ts";
import type { AnyBehaviour, Stage } from "../stage.ts";

/** Why a snapshot is not used; the label `reason` of `gamemetrics_snapshots_rebuilt_total`. */
export type DistrustReason =
  | "checksum"
  | "newer_version"
  | "older_version"
  | "missing_part"
  | "undecodable";

/** A snapshot that must not become a state. An actor with a journal is rebuilt from it. */
export class SnapshotDistrusted extends Error {
  override readonly name = "SnapshotDistrusted";
  constructor(readonly reason: DistrustReason, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The code throws at a message that it has applied before. Trying again would do so again. */
export class ReplayFailed extends Error {
  override readonly name = "ReplayFailed";
  constructor(readonly offset: number, cause: unknown) {
    super(`replay of offset ${offset} failed: ${saidBy(cause)}`, { cause });
  }
}

/** What {@link restoreActor} found. */
export interface RestoredActor {
  readonly state: unknown;
  /** Offset of the last message that the state reflects; −1 for none. */
  readonly offset: number;
  /** The same of the snapshot. */
  readonly snapshotOffset: number;
  /** Messages applied on top of the snapshot, and the arrival of the first, milliseconds. */
  readonly rowsBehind: number;
  readonly behindSince: number;
}

/**
 * The actor as its snapshot and journal say; its effects were committed already.
 *
 * @throws {SnapshotDistrusted} before anything of the journal is looked at
 * @throws {ReplayFailed}
 */
export function restoreActor(stage: Stage, partition: number, actor: StoredActor): RestoredActor {
  const { behaviour } = stage;
  const { actorId, parts, journal } = actor;
  const state = parts.length > 0
    ? restoreSnapshot(behaviour, actorId, parts, stage.trustsSnapshots === true)
    : behaviour.create(actorId);
  let offset = -1;
  for (const part of parts) offset = Math.max(offset, part.offset);
  const snapshotOffset = offset;
  let behindSince = Infinity;
  for (const event of journal) {
    try {
      const { receivedAt: now } = event;
      const ctx = { actorId, now, partition, offset: event.offset };
      behaviour.receive(state, stage.replay(event), ctx);
    } catch (cause) {
      throw new ReplayFailed(event.offset, cause);
    }
    offset = event.offset;
    behindSince = Math.min(behindSince, event.receivedAt);
  }
  return { state, offset, snapshotOffset, rowsBehind: journal.length, behindSince };
}

/**
 * What to restore in place of an actor whose snapshot is no good.
 *
 * @param actor as it is stored, with that snapshot
 * @param whole its journal from the start, without snapshots
 * @throws {ActorHalted} the journal is not whole: its state would be an invented one
 */
export function wholeOf(
  actor: StoredActor,
  why: SnapshotDistrusted,
  whole: StoredActor | undefined,
): StoredActor {
  const gap = journalGap(actor, whole);
  if (gap === undefined) return whole!;
  throw new ActorHalted(actor.actorId, `${reasonOf(why)}, and ${gap}`);
}

/** Why an actor cannot be restored, for operators. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof ActorHalted) return thrown.reason;
  const said = saidBy(thrown);
  return thrown instanceof SnapshotDistrusted ? `its snapshot is no good, as ${said}` : said;
}

/** What speaks against rebuilding an actor from its journal; `undefined`: nothing. */
function journalGap(actor: StoredActor, whole: StoredActor | undefined): string | undefined {
  if (whole === undefined) return "the journal has no rows of it";
  if (whole.isTruncated === true) return "the oldest days of the journal were dropped";
  const reflected = actor.parts.find(({ part }) => part === "")?.offset;
  if (reflected === undefined || whole.journal.some(({ offset }) => offset === reflected)) {
    return undefined;
  }
  return `the journal has no row at offset ${reflected}, which it reflects`;
}

/**
 * The state that the parts of a snapshot describe, lifted to the behaviour's version.
 *
 * @param isTrusting checks neither checksums nor versions: a promise broken, for drills to notice
 * @throws {SnapshotDistrusted}
 */
export function restoreSnapshot(
  behaviour: AnyBehaviour,
  actorId: string,
  parts: readonly SnapshotPart[],
  isTrusting = false,
): unknown {
  for (const { part, body, checksum } of parts) {
    if (isTrusting || fingerprintHex(body) === checksum) continue;
    throw new SnapshotDistrusted("checksum", `part '${part}' fails its checksum`);
  }
  if (!parts.some(({ part }) => part === "")) {
    throw new SnapshotDistrusted("missing_part", "the main part is not there");
  }
  const lifted = isTrusting ? parts : liftParts(behaviour, parts);
  try {
    return behaviour.restore(actorId, lifted);
  } catch (cause) {
    throw new SnapshotDistrusted("undecodable", `it cannot be decoded: ${saidBy(cause)}`, {
      cause,
    });
  }
}

/** Lifts parts version by version. Those of a later version join when it is reached, and count. */
function liftParts(behaviour: AnyBehaviour, parts: readonly SnapshotPart[]): readonly Part[] {
  const { version: wanted, upcast } = behaviour;
  let version = wanted;
  for (const part of parts) {
    if (part.version > wanted) {
      const message = `part '${part.part}' is of version ${part.version}, the code of ${wanted}`;
      throw new SnapshotDistrusted("newer_version", message);
    }
    version = Math.min(version, part.version);
  }
  if (version === wanted) return parts;
  let lifted: readonly Part[] = parts.filter((part) => part.version === version);
  for (; version < wanted; version++) {
    const step = upcast?.[version];
    if (step === undefined) {
      const message = `nothing lifts version ${version} to ${version + 1}`;
      throw new SnapshotDistrusted("older_version", message);
    }
    const later = parts.filter((part) => part.version === version + 1);
    const names = new Set(later.map(({ part }) => part));
    try {
      lifted = [...step(lifted).filter(({ part }) => !names.has(part)), ...later];
    } catch (cause) {
      const message = `lifting version ${version} failed: ${saidBy(cause)}`;
      throw new SnapshotDistrusted("undecodable", message, { cause });
    }
  }
  return lifted;
}

function saidBy(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
