/**
 * The admin API as drills use it.
 *
 * @module
 */
import type {
  ActorView,
  DeadLetterPage,
  DeadLetterRow,
  DeadLetterView,
  HaltedRow,
  LetterFilter,
  ReplayMany,
  ShardRow,
} from "../../../supervisor/admin/admin_platform.ts";
import type { TreeNode } from "../../../supervisor/tree/child.ts";
import type { Site } from "./site.ts";

export class Admin {
  constructor(readonly site: Site) {}

  /** @throws {Error} the answer is none of success */
  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(new URL(path, this.site.adminUrl), {
      method,
      headers: { authorization: `Bearer ${this.site.adminToken}` },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as T;
    throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
  }

  shards(): Promise<ShardRow[]> {
    return this.#call("GET", "/admin/shards");
  }

  tree(): Promise<TreeNode> {
    return this.#call("GET", "/admin/tree");
  }

  /** Loads an actor anew. @returns false when there was nothing to do */
  async restartActor(kind: "player" | "game", id: string): Promise<boolean> {
    const path = `/admin/actors/${kind}/${encodeURIComponent(id)}/restart`;
    return (await this.#call<{ done: boolean }>("POST", path)).done;
  }

  /** @param id `studio/user_id` or `studio/game_id` */
  actor(kind: "player" | "game", id: string): Promise<ActorView> {
    return this.#call("GET", `/admin/actors/${kind}/${encodeURIComponent(id)}`);
  }

  /** Actors that stand still. */
  async halted(): Promise<HaltedRow[]> {
    return (await this.#call<{ items: HaltedRow[] }>("GET", "/admin/halted")).items;
  }

  /** All dead letters, newest first. */
  async deadLetters(): Promise<DeadLetterRow[]> {
    const rows: DeadLetterRow[] = [];
    for (let cursor: string | null = "";;) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: DeadLetterPage = await this.#call("GET", `/admin/dlq?limit=100${query}`);
      rows.push(...page.items);
      cursor = page.next_cursor;
      if (cursor === null) return rows;
    }
  }

  deadLetter(id: string): Promise<DeadLetterView> {
    return this.#call("GET", `/admin/dlq/${id}`);
  }

  /** Sends a letter's event through the pipeline again. */
  async replay(id: string): Promise<void> {
    await this.#call("POST", `/admin/dlq/${id}/replay`);
  }

  /** Replays the letters that a filter chooses, with one call. */
  replayMany(body: LetterFilter & { readonly again?: boolean } = {}): Promise<ReplayMany> {
    return this.#call("POST", "/admin/dlq/replay", body);
  }
}
