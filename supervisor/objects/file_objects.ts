/**
 * Objects as files. Folders have a `~` behind their name, so that `a` and `a/b` can both be objects.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { open, stat } from "node:fs/promises";
import type { BigIntStats } from "node:fs";
import { PlatformError, Unavailable } from "../../schema/errors.ts";
import {
  checkKey,
  checkPage,
  checkSize,
  type ObjectHead,
  type ObjectList,
  type Objects,
} from "./objects.ts";

/** No name of a key: a temporary file is never listed. */
const temporaryFolder = "tmp";
const contentFolder = "objects";

/** A write makes another file, and so another etag, even if it is as long and as old. */
function etagOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}`;
}

/** Makes a change of names in a folder durable. */
async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const isMissing = (error: unknown) =>
  error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
  ["ENOENT", "ENOTDIR"].includes((error as { code?: string }).code ?? "");

/** What the disk refuses is as good as away: full, read-only, gone. */
async function guarded<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new Unavailable("objects", `Cannot ${what}: ${message}`, { cause: error });
  }
}

export class FileObjects implements Objects {
  readonly #root: string;
  readonly #temporary: string;

  /** @param folder is made when something is written first */
  constructor(folder: string) {
    this.#root = join(folder, contentFolder);
    this.#temporary = join(folder, temporaryFolder);
  }

  #path(key: string): string {
    const parts = key.split("/");
    const name = parts.pop()!;
    return join(this.#root, ...parts.map((part) => `${part}~`), name);
  }

  async put(key: string, content: Uint8Array): Promise<string> {
    checkKey(key);
    checkSize(content.length);
    return await guarded(`write ${key}`, async () => {
      const path = this.#path(key);
      const temporary = join(this.#temporary, crypto.randomUUID());
      await Deno.mkdir(this.#temporary, { recursive: true });
      try {
        const file = await open(temporary, "wx", 0o600);
        try {
          await file.writeFile(content);
          await file.sync();
        } finally {
          await file.close();
        }
        await this.#makeFolder(dirname(path));
        await Deno.rename(temporary, path);
      } catch (error) {
        await Deno.remove(temporary).catch(() => {});
        throw error;
      }
      await syncFolder(dirname(path));
      return etagOf(await stat(path, { bigint: true }));
    });
  }

  /** Makes a folder and those above it, each durable in the one above. */
  async #makeFolder(path: string): Promise<void> {
    try {
      await Deno.mkdir(path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return;
      if (!isMissing(error)) throw error;
      await this.#makeFolder(dirname(path));
      await Deno.mkdir(path).catch((error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      });
    }
    await syncFolder(dirname(path));
  }

  async get(key: string) {
    checkKey(key);
    return await guarded(`read ${key}`, async () => {
      try {
        const file = await open(this.#path(key), "r");
        try {
          // Of one and the same file, whatever takes its name meanwhile.
          const stats = await file.stat({ bigint: true });
          checkSize(Number(stats.size));
          return { content: new Uint8Array(await file.readFile()), etag: etagOf(stats) };
        } finally {
          await file.close();
        }
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    });
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    checkKey(key);
    return await guarded(`look at ${key}`, () => this.#headOf(key));
  }

  async #headOf(key: string): Promise<ObjectHead | undefined> {
    try {
      const stats = await stat(this.#path(key), { bigint: true });
      return {
        key,
        bytes: Number(stats.size),
        etag: etagOf(stats),
        modifiedAt: Number(stats.mtimeNs / 1_000_000n),
      };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async list(prefix: string, first: number, after = ""): Promise<ObjectList> {
    checkPage(prefix, first);
    return await guarded(`list ${prefix}`, async () => {
      const parts = prefix.split("/").slice(0, -1);
      const folder = join(this.#root, ...parts.map((part) => `${part}~`));
      const keys = await this.#keysIn(folder, parts.map((part) => `${part}/`).join(""));
      const chosen = keys.filter((key) => key.startsWith(prefix) && key > after).sort();
      const heads = await Promise.all(chosen.slice(0, first).map((key) => this.#headOf(key)));
      const objects = heads.filter((head) => head !== undefined);
      return { objects, hasMore: chosen.length > first };
    });
  }

  async #keysIn(folder: string, path: string): Promise<string[]> {
    const keys: string[] = [];
    try {
      for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
        if (isFile) keys.push(path + name);
        else if (isDirectory && name.endsWith("~")) {
          keys.push(...await this.#keysIn(join(folder, name), `${path}${name.slice(0, -1)}/`));
        }
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return keys;
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await guarded(`delete ${key}`, async () => {
      const path = this.#path(key);
      try {
        await Deno.remove(path);
        await syncFolder(dirname(path));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    });
  }
}
