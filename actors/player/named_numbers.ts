/**
 * Numbers by name, where the names are few. A `Map` of them takes twice the memory and is several
 * objects, each of which a full collection of garbage marks; a player has three of these in each game.
 *
 * @module
 */
import { remembered } from "../../schema/memory/remembered.ts";

/** `[name, number, name, number …]`, in the order in which the names came. */
export type NamedNumbers = readonly (string | number)[];

/** Shared by all who have none. */
export const noNumbers: NamedNumbers = [];

/** Many have the same names, and each brings its own string of it. */
const shared = remembered((name) => name, 1024);

function indexOf(numbers: NamedNumbers, name: string): number {
  for (let i = 0; i < numbers.length; i += 2) if (numbers[i] === name) return i;
  return -1;
}

/** The number of that name. */
export function numberIn(numbers: NamedNumbers, name: string): number | undefined {
  const index = indexOf(numbers, name);
  return index === -1 ? undefined : numbers[index + 1] as number;
}

/** Sets a number in place. @returns the numbers, which are another array where the name is new */
export function setNumber(numbers: NamedNumbers, name: string, value: number): NamedNumbers {
  const index = indexOf(numbers, name);
  // Not pushed: what grows by itself reserves room.
  if (index === -1) return numbers.concat([shared(name), value]);
  (numbers as (string | number)[])[index + 1] = value;
  return numbers;
}

/** Adds to a number, which is 0 where the name is new. @returns the numbers, as {@link setNumber} does */
export function addTo(numbers: NamedNumbers, name: string, by: number): NamedNumbers {
  const index = indexOf(numbers, name);
  // A sum is never −0, which would come back from a snapshot as 0.
  if (index === -1) return numbers.concat([shared(name), by + 0]);
  const pairs = numbers as (string | number)[];
  pairs[index + 1] = pairs[index + 1] as number + by;
  return numbers;
}

/** How many there are. */
export function sizeOf(numbers: NamedNumbers): number {
  return numbers.length / 2;
}

/** About the bytes they take. */
export function bytesOf(numbers: NamedNumbers): number {
  return numbers === noNumbers ? 0 : 48 + numbers.length * 8;
}

/** The names, in their order. */
export function namesOf(numbers: NamedNumbers): string[] {
  return Array.from({ length: sizeOf(numbers) }, (_, i) => numbers[i * 2] as string);
}

/** What {@link namedNumbers} takes, in the order of the names. */
export function pairsOf(numbers: NamedNumbers): [name: string, value: number][] {
  return Array.from(
    { length: sizeOf(numbers) },
    (_, i) => [numbers[i * 2] as string, numbers[i * 2 + 1] as number],
  );
}

/** Shares nothing with what it is made of; of a name that is there twice, the last counts. */
export function namedNumbers(pairs: Iterable<readonly [string, number]>): NamedNumbers {
  let numbers = noNumbers;
  for (const [name, value] of pairs) numbers = setNumber(numbers, name, value);
  return numbers;
}

/** Adds each number to that of the same name. @returns the sums, as {@link setNumber} does */
export function addNumbers(sums: NamedNumbers, numbers: NamedNumbers): NamedNumbers {
  for (const [name, value] of pairsOf(numbers)) sums = addTo(sums, name, value);
  return sums;
}
