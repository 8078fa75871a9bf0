/**
 * What a player remembers of merges: whom he holds, whom he asks, who asks him, and who he is if he is
 * an alias himself.
 *
 * @module
 */
import { decodePart, encodePart, partBytes, type PlayerPart } from "../player_part.ts";
import type { PlayerState } from "../player_state.ts";
import type { Line } from "./line.ts";
import type { EncodedAlias, MergeMessage, NumberedEvent } from "./messages.ts";
import type { NamedPart } from "./union.ts";

/** An alias that he holds. */
export interface Alias extends Line {
  /** Whom it sends its events to: himself, or another of his aliases. */
  readonly via: string;
  /** Which of its merges this is, counted by the alias. */
  readonly nth: number;
  readonly part: PlayerPart;
}

/** Somebody who is to become his alias. */
export interface Ask {
  readonly alias: string;
  /** `asked`: an answer is to come; one at a time. `later`: refused until he says that he is free. */
  step: "ready" | "asked" | "later";
}

/** The line is that of his own id. */
export interface MergeState extends Line {
  /** How many times he became an alias. */
  nth: number;
  /** Whose alias he is; `undefined`: a player of his own. */
  into: string | undefined;
  /** By user id. An alias has none: they have gone on with what he had. */
  readonly aliases: Map<string, Alias>;
  asks: Ask[];
  /** Who asks him, and waits for the end of his own ask. */
  waiting: MergeMessage[];
  /** Whom he has refused meanwhile and will tell when he is free. */
  noted: string[];
  /** How many of his events have a number: those he has passed on, and those that waited for them. */
  numbered: number;
  /** When he waits no longer for events that are missing, milliseconds; `null`: none are. */
  waitsUntil: number | null;
}

/** Of a player who has to do with nobody else yet. */
export function newMerge(): MergeState {
  return {
    nth: 0,
    into: undefined,
    aliases: new Map(),
    asks: [],
    waiting: [],
    noted: [],
    numbered: 0,
    waitsUntil: null,
    next: 0,
    held: [],
  };
}

/** All parts of a player but that of `id`; those of an alias are nobody's. */
export function othersThan(state: PlayerState, own: string, id: string): NamedPart[] {
  const others: NamedPart[] = id === own ? [] : [{ id: own, part: state }];
  for (const [alias, { part }] of state.merge?.aliases ?? []) {
    if (alias !== id) others.push({ id: alias, part });
  }
  return others;
}

/** Nothing of it is worth remembering. */
export function isTrivial({ nth, aliases, asks, waiting, noted }: MergeState): boolean {
  return nth === 0 && aliases.size + asks.length + waiting.length + noted.length === 0;
}

/** What is empty is left out. */
export interface EncodedMerge {
  readonly nth: number;
  readonly into?: string;
  readonly aliases?: readonly EncodedAlias[];
  readonly asks?: readonly Ask[];
  readonly waiting?: readonly MergeMessage[];
  readonly noted?: readonly string[];
  readonly numbered: number;
  readonly waitsUntil?: number;
  readonly next: number;
  readonly held?: readonly NumberedEvent[];
}

const some = <T>(list: readonly T[]) => list.length === 0 ? undefined : list;

/** Shares nothing with the alias but the events that wait. */
export function encodeAlias(id: string, { via, nth, part, next, held }: Alias): EncodedAlias {
  const whole = { id, via, nth, part: encodePart(part), next };
  return held.length === 0 ? whole : { ...whole, held: [...held] };
}

/** Shares nothing with what it is made of: a message may be applied again. */
export function decodeAlias({ via, nth, part, next, held = [] }: EncodedAlias): Alias {
  return { via, nth, part: decodePart(part), next, held: [...held] };
}

/** Shares its asks and events with the state: it is made into text at once. */
export function encodeMerge(merge: MergeState): EncodedMerge {
  const aliases = Array.from(merge.aliases, ([id, alias]) => encodeAlias(id, alias));
  const { nth, into, asks, waiting, noted, numbered, waitsUntil, next, held } = merge;
  // As JSON leaves out what is undefined.
  return {
    nth,
    into,
    aliases: some(aliases),
    asks: some(asks),
    waiting: some(waiting),
    noted: some(noted),
    numbered,
    waitsUntil: waitsUntil ?? undefined,
    next,
    held: some(held),
  } as EncodedMerge;
}

/** @throws {TypeError} it is not whole */
export function decodeMerge(body: EncodedMerge): MergeState {
  if (![body.nth, body.numbered, body.next].every(Number.isInteger)) {
    throw new TypeError("Cannot decode a merge without its numbers");
  }
  return {
    nth: body.nth,
    into: body.into,
    aliases: new Map((body.aliases ?? []).map((alias) => [alias.id, decodeAlias(alias)])),
    asks: [...body.asks ?? []],
    waiting: [...body.waiting ?? []],
    noted: [...body.noted ?? []],
    numbered: body.numbered,
    waitsUntil: body.waitsUntil ?? null,
    next: body.next,
    held: [...body.held ?? []],
  };
}

/** About the bytes it takes. */
export function mergeBytes(merge: MergeState): number {
  let bytes = 800 + 100 * (merge.asks.length + merge.waiting.length + merge.noted.length);
  for (const { part, held } of merge.aliases.values()) {
    bytes += 400 + partBytes(part) + heldBytes(held);
  }
  return bytes + heldBytes(merge.held);
}

function heldBytes(held: readonly NumberedEvent[]): number {
  return held.reduce((sum, { event }) => sum + 500 + 2 * JSON.stringify(event).length, 0);
}
