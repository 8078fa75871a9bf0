/**
 * Who says that he was somebody else before: links at random, some in circles, some said twice, and one
 * who says it of more ids than a player may have.
 *
 * @module
 */
import type { Random } from "../../load/generator/random.ts";

/** `user` says that he was `alias` before. */
export interface Link {
  readonly alias: string;
  readonly user: string;
}

export interface LinkPlan {
  /** User ids, linked or not. */
  readonly ids: readonly string[];
  /** In the order in which they are said. */
  readonly links: readonly Link[];
}

/** More aliases than one may have: 16. */
const greedySize = 20;
const clusterMin = 2;
const clusterMax = 7;

/** How often a link is said the other way round, too, and how often twice. */
const cycleShare = 0.12;
const doubleShare = 0.1;
/** How often the older id of a cluster says it: so that one may be claimed by two. */
const contestedShare = 0.2;

/** @param wanted least number of links */
export function planLinks(random: Random, prefix: string, wanted: number): LinkPlan {
  const ids: string[] = [];
  const links: Link[] = [];
  const newIds = (n: number) => {
    const some = Array.from({ length: n }, (_, i) => `${prefix}-${ids.length + i}`);
    ids.push(...some);
    return some;
  };
  const [greedy, ...claimed] = newIds(greedySize);
  for (const alias of claimed) links.push({ alias, user: greedy! });
  while (links.length < wanted) {
    const cluster = newIds(clusterMin + random.below(clusterMax - clusterMin + 1));
    for (let i = 1; i < cluster.length; i++) {
      const [a, b] = [cluster[i]!, cluster[random.below(i)]!];
      const link = random.chance(contestedShare) ? { alias: b, user: a } : { alias: a, user: b };
      links.push(link);
      if (random.chance(cycleShare)) links.push({ alias: link.user, user: link.alias });
      if (random.chance(doubleShare)) links.push(link);
    }
  }
  return { ids, links: shuffled(random, links) };
}

/** The same things in another order. */
export function shuffled<T>(random: Random, things: readonly T[]): T[] {
  const list = [...things];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

/** The ids that links connect, each with the same number for all of one group. */
export function groupsOf(links: readonly Link[]): (id: string) => string {
  const parent = new Map<string, string>();
  const root = (id: string): string => {
    const up = parent.get(id);
    return up === undefined ? id : root(up);
  };
  for (const { alias, user } of links) {
    const [a, b] = [root(alias), root(user)];
    if (a !== b) parent.set(a, b);
  }
  return root;
}
