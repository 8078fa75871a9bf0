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

export class Admin {
  /** @param site where it is, and who may */
  constructor(readonly site: { readonly adminUrl: string; readonly adminToken: string }) {}

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

  /**
   * Asks for an alias to be a player of its own again.
   *
   * @param id `studio/user_id` of the alias
   * @returns the answer's status: 202; 409 he is; 503 a link of it is under way
   */
  async unmerge(id: string): Promise<number> {
    const path = `/admin/actors/player/${encodeURIComponent(id)}/unmerge`;
    const response = await fetch(new URL(path, this.site.adminUrl), {
      method: "POST",
      headers: { authorization: `Bearer ${this.site.adminToken}` },
      signal: AbortSignal.timeout(10_000),
    });
    await response.body?.cancel();
    return response.status;
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
