/**
 * The questions of one operation, gathered for a tick: each actor is asked each thing once, and a
 * page of events is read once, however often the operation names them. Nothing is kept beyond the
 * tick, as a subscription's later values must be fresh.
 *
 * @module
 */
import DataLoader from "dataloader";
import { limits } from "../../schema/limits.ts";
import type { DayMetrics } from "../../schema/queries/game_queries.ts";
import type { PageLease } from "../limits/page_budget.ts";
import type {
  ActorKind,
  Answer,
  AskMap,
  EventFilter,
  EventPage,
  Platform,
} from "../../supervisor/platform.ts";

interface Question {
  readonly kind: ActorKind;
  readonly id: string;
  readonly query: AskMap[ActorKind]["query"];
  readonly asOf: number | undefined;
}

interface PageQuestion {
  readonly filter: EventFilter;
  readonly first: number;
  readonly after: string | undefined;
}

type CutPage = Omit<EventPage, "bytes">;

type DaysQuery = Extract<AskMap["game"]["query"], { readonly type: "days" }>;

/** What came of each key: DataLoader rejects those that are errors. */
async function settle(work: readonly Promise<unknown>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === "fulfilled") return result.value;
    return result.reason instanceof Error ? result.reason : new Error(String(result.reason));
  });
}

/** Puts together what has the same key; each group is worked on once. */
async function grouped<T, R>(
  items: readonly T[],
  keyOf: (item: T) => string,
  work: (group: readonly T[]) => (item: T) => Promise<R>,
): Promise<unknown[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  const answers = new Map([...groups].map(([key, group]) => [key, work(group)]));
  return await settle(items.map((item) => answers.get(keyOf(item))!(item)));
}

/** One of each operation. */
export class Loaders {
  readonly #questions: DataLoader<Question, unknown>;
  readonly #pages: DataLoader<PageQuestion, CutPage>;

  /** @param held what the operation holds of pages */
  constructor(
    readonly platform: Platform,
    readonly studio: string,
    readonly held: PageLease,
  ) {
    this.#questions = new DataLoader(
      (questions: readonly Question[]) =>
        grouped(questions, questionKey, (group) => this.#answer(group)),
      { cache: false },
    );
    this.#pages = new DataLoader<PageQuestion, CutPage>(
      async (pages: readonly PageQuestion[]) =>
        await grouped(pages, pageKey, (group) => this.#page(group)) as CutPage[],
      { cache: false },
    );
  }

  /** As {@link Platform.ask}. */
  async ask<K extends ActorKind, Q extends AskMap[K]["query"]>(
    kind: K,
    id: string,
    query: Q,
    asOf?: number,
  ): Promise<Answer<K, Q> | null> {
    return await this.#questions.load({ kind, id, query, asOf }) as Answer<K, Q> | null;
  }

  /** As {@link Platform.events}, of the operation's studio. @throws {Problem} 503: no room for a page */
  async events(filter: EventFilter, first: number, after?: string): Promise<CutPage> {
    return await this.#pages.load({ filter, first, after });
  }

  /** Questions that differ in nothing, or in their days alone. */
  #answer(group: readonly Question[]): (question: Question) => Promise<unknown> {
    const { kind, id, query, asOf } = group[0]!;
    if (query.type !== "days") {
      const answer = this.platform.ask(kind, id, query, asOf);
      return () => answer;
    }
    const wanted = group.map(({ query }) => query as DaysQuery);
    const from = Math.min(...wanted.map((days) => days.from));
    const to = Math.max(...wanted.map((days) => days.to));
    const isOne = to - from < limits.gameDaysMax;
    const all = isOne ? this.platform.ask("game", id, { type: "days", from, to }, asOf) : undefined;
    return async (question) => {
      const days = question.query as DaysQuery;
      if (all === undefined) return await this.platform.ask("game", id, days, asOf);
      const isWanted = ({ day }: DayMetrics) => day >= days.from && day <= days.to;
      return (await all)?.filter(isWanted) ?? null;
    };
  }

  /** Pages that begin at one place are cut from the longest. */
  #page(group: readonly PageQuestion[]): (page: PageQuestion) => Promise<CutPage> {
    const { filter, after } = group[0]!;
    // None is no page to the platform: whether there are any shows in one of one event.
    const longest = Math.max(1, ...group.map(({ first }) => first));
    const read = () => this.platform.events(this.studio, filter, longest, after);
    const page = this.held.page(longest, read);
    return async ({ first }) => {
      const { events, hasNextPage } = await page;
      if (events.length <= first) return { events, hasNextPage };
      return { events: events.slice(0, first), hasNextPage: true };
    };
  }
}

function questionKey({ kind, id, query, asOf }: Question): string {
  const asked = query.type === "days" ? "days" : query;
  return JSON.stringify([kind, id, asked, asOf]);
}

const pageKey = ({ filter, after }: PageQuestion): string => JSON.stringify([filter, after]);
