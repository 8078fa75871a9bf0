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
  ShardRow,
} from "../../../supervisor/admin/admin_platform.ts";
import type { Site } from "./site.ts";

export class Admin {
  constructor(readonly site: Site) {}

  /** @throws {Error} the answer is none of success */
  async #call<T>(method: string, path: string): Promise<T> {
    const response = await fetch(new URL(path, this.site.adminUrl), {
      method,
      headers: { authorization: `Bearer ${this.site.adminToken}` },
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as T;
    throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
  }

  shards(): Promise<ShardRow[]> {
    return this.#call("GET", "/admin/shards");
  }

  /** @param id `studio/user_id` or `studio/game_id` */
  actor(kind: "player" | "game", id: string): Promise<ActorView> {
    return this.#call("GET", `/admin/actors/${kind}/${encodeURIComponent(id)}`);
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
}
