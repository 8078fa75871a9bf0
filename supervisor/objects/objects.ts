/**
 * Files that outlive a node: exports, archives, models. Whole objects only, written at once.
 *
 * @module
 */
import { InvalidInput } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";

/** What is known of an object without reading it. */
export interface ObjectHead {
  readonly key: string;
  readonly bytes: number;
  /** Opaque; another one as soon as the content is another. */
  readonly etag: string;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedAt: number;
}

export interface ObjectList {
  /** In the order of their keys. */
  readonly objects: readonly ObjectHead[];
  /** There are more, after the last one. */
  readonly hasMore: boolean;
}

/**
 * Objects by key. Keys are 1 to 512 of `A-Z a-z 0-9 ! _ . - = /`, without empty, `.` or `..` parts
 * between the slashes. Do not use one key as another's folder, as `a` and `a/b`: MinIO holds both and
 * lists one.
 *
 * Every method throws {@link InvalidInput} for another key and `Unavailable` when the store is away;
 * what was to be written or deleted may then be so or not, and can be tried again.
 */
export interface Objects {
  /**
   * Writes an object, whole or not at all; it is durable when this resolves.
   *
   * @param content at most `limits.objectBytesMax`; several parts are out of scope
   * @returns its etag
   * @throws {InvalidInput} it is larger
   */
  put(key: string, content: Uint8Array): Promise<string>;
  /** @returns undefined when there is none. @throws {InvalidInput} it is larger than what may be written */
  get(key: string): Promise<{ readonly content: Uint8Array; readonly etag: string } | undefined>;
  /** @returns undefined when there is none */
  head(key: string): Promise<ObjectHead | undefined>;
  /**
   * Objects whose key begins with `prefix`.
   *
   * @param first at most so many, up to 1,000
   * @param after only keys behind this one. @default from the first on
   */
  list(prefix: string, first: number, after?: string): Promise<ObjectList>;
  /** Removes an object; one that is not there is removed already. */
  delete(key: string): Promise<void>;
}

const keyForm = /^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[A-Za-z0-9!_.\-=/]{1,512}$/;

/** @throws {InvalidInput} */
export function checkKey(key: string): void {
  if (keyForm.test(key)) return;
  const message = `An object's key is 1 to 512 of A-Z a-z 0-9 ! _ . - = / without empty, . or .. ` +
    `parts: got ${JSON.stringify(key.slice(0, 100))}`;
  throw new InvalidInput("invalid_object_key", message, "key");
}

/** @throws {InvalidInput} */
export function checkPage(prefix: string, first: number): void {
  if (!/^[A-Za-z0-9!_.\-=/]{0,512}$/.test(prefix)) {
    throw new InvalidInput("invalid_object_key", "A prefix is the beginning of a key", "prefix");
  }
  if (Number.isInteger(first) && first >= 1 && first <= limits.pageSizeMax) return;
  const message = `first must be 1 to ${limits.pageSizeMax}: got ${first}`;
  throw new InvalidInput("invalid_page", message, "first");
}

/** @throws {InvalidInput} */
export function checkSize(bytes: number): void {
  if (bytes <= limits.objectBytesMax) return;
  const message = `An object has at most ${limits.objectBytesMax} bytes: got ${bytes}`;
  throw new InvalidInput("object_too_large", message);
}
