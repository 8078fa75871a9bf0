/**
 * Drill 36: ids turn out to be one player, and do not after all, while everything is killed.
 *
 * Links at random, some in circles and some said twice, come in bursts; after some of them everything is
 * killed at once as soon as the burst is acknowledged, with its merges still under way. Then an operator
 * takes some back, and everything is killed again. In the end each link is made or refused with a dead
 * letter, who is who is sound, and every figure equals a recomputation over whom ids belong to.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { Random } from "../../load/generator/random.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Admin } from "../platform/admin.ts";
import { verify } from "../platform/load.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Site } from "../platform/site.ts";
import {
  type Aliases,
  readAliases,
  requireAnswered,
  requireSound,
  requireTold,
  requireUndone,
} from "./identity_checks.ts";
import { type LinkPlan, planLinks, shuffled } from "./link_plan.ts";
import { PlayerTraffic } from "./player_traffic.ts";
import { quiet } from "./quiet.ts";
import { undo } from "./undo.ts";

const forms = {
  quick: { links: 260, merges: 120, undos: 40, bursts: 3, undoBursts: 1 },
  full: { links: 1_900, merges: 1_000, undos: 200, bursts: 8, undoBursts: 3 },
} as const;
const eventsEach = 4;
const quietMsMax = 60_000;
/** How long after its last acknowledgement a burst may go on before everything is killed. */
const delayMsMax = 60;
const hitsMin = 2;

const stages: Readonly<Record<string, URL>> = {
  "no-deltas": new URL("../fixtures/deltaless_player.ts", import.meta.url),
  "no-forwards": new URL("../fixtures/forwardless_player.ts", import.meta.url),
};

class MergeDrill {
  readonly found = new Findings();
  readonly admin: Admin;
  readonly #random: Random;
  readonly #form: (typeof forms)["quick" | "full"];
  readonly #acks: string;
  #platform!: PlatformProcess;
  #storeUrl = "";

  constructor(readonly ctx: OwnContext, readonly site: Site) {
    this.admin = new Admin(site);
    this.#random = new Random(ctx.seed, 0x1d);
    this.#form = ctx.quick ? forms.quick : forms.full;
    this.#acks = join(ctx.dir, "acks.jsonl");
  }

  async run() {
    await this.#start();
    const { ctx, found, site } = this;
    const plan = planLinks(this.#random, `merge-${ctx.seed}`, this.#form.links);
    const traffic = new PlayerTraffic(site.target, ctx.seed, this.#random, this.#acks);
    try {
      await traffic.play(plan.ids, eventsEach);
      const linked = await this.#linkAll(plan, traffic);
      found.count("links_said", plan.links.length);
      found.count("merges", linked.size);
      const { merges } = this.#form;
      found.require(linked.size >= merges, `at least ${merges} merges: ${linked.size}`);
      requireSound(found, linked, plan.links);
      await requireAnswered(found, this.admin, linked, plan.links);
      await requireTold(found, site.target, linked, plan.ids);

      const undone = await this.#undoSome(linked, traffic);
      await traffic.play(plan.ids, 1);
      const after = await this.#aliasesAtRest();
      requireSound(found, after, plan.links);
      requireUndone(found, linked, undone, after);
      await requireTold(found, site.target, after, plan.ids);
      found.count("events", traffic.events);
      found.count("sent_twice", traffic.repeats);
    } finally {
      await traffic.close();
    }
    await verify(ctx, site, found, { storeUrl: this.#storeUrl, acks: this.#acks });
    const counted = found.result().counts["events_in_sql"];
    found.require(counted === traffic.events, `${traffic.events} events counted: ${counted}`);
    return found.result();
  }

  async #start(): Promise<void> {
    const playerStage = stages[this.ctx.mutation ?? ""];
    this.#platform = this.site.start(playerStage === undefined ? {} : { playerStage });
    this.#storeUrl = (await this.#platform.ready()).store_url;
  }

  async #aliases(): Promise<Aliases> {
    const sql = postgres(this.#storeUrl, { max: 1 });
    return await readAliases(sql).finally(() => sql.end());
  }

  async #aliasesAtRest(): Promise<Aliases> {
    const isQuiet = await quiet(this.admin, quietMsMax);
    this.found.require(isQuiet, `nothing under way after ${quietMsMax} ms: something is`);
    return await this.#aliases();
  }

  /**
   * Kills everything at once and starts it again.
   *
   * @returns the aliases that the kill found, read while the platform stood still
   */
  async #crash(what: string): Promise<Aliases> {
    this.#platform.signal("SIGSTOP");
    const then = await this.#aliases();
    const processes = await this.site.killAll();
    const { signal } = await this.#platform.exited;
    this.found.require(signal === "SIGKILL", `the kill ended it: ${signal}`);
    await this.#start();
    this.ctx.print(`${processes} processes killed after ${what}, with ${then.size} aliases`);
    return then;
  }

  /** Requires kills that found something under way. @param open per kill */
  #requireHits(what: string, open: readonly number[]): void {
    const hits = open.filter((n) => n > 0).length;
    const wanted = Math.min(open.length, hitsMin);
    this.found.count(`kills_amid_${what}`, hits);
    this.found.count(`${what}_under_way_at_kills`, open.reduce((a, b) => a + b, 0));
    this.found.require(hits >= wanted, `${wanted} kills with ${what} under way: ${hits}`);
  }

  /** Says all links in bursts, each with a kill after it. @returns who is who in the end */
  async #linkAll({ ids, links }: LinkPlan, traffic: PlayerTraffic): Promise<Aliases> {
    const size = Math.ceil(links.length / this.#form.bursts);
    const kills: Aliases[] = [];
    for (let at = 0; at < links.length; at += size) {
      await traffic.say(links.slice(at, at + size));
      await sleep(this.#random.below(delayMsMax));
      kills.push(await this.#crash("links"));
    }
    await traffic.play(ids, 1);
    const linked = await this.#aliasesAtRest();
    // Under way was what came true although nobody said it again.
    const open = kills.map((then, kill) => {
      const later = new Set(links.slice((kill + 1) * size).map(({ alias }) => alias));
      const said = new Set(links.slice(kill * size, (kill + 1) * size).map(({ alias }) => alias));
      return [...said].filter((id) => linked.has(id) && !then.has(id) && !later.has(id)).length;
    });
    this.#requireHits("links", open);
    return linked;
  }

  /** Takes aliases back in bursts, each with a kill after it. @returns which */
  async #undoSome(linked: Aliases, traffic: PlayerTraffic): Promise<ReadonlySet<string>> {
    const { undos, undoBursts } = this.#form;
    const chosen = shuffled(this.#random, [...linked.keys()]).slice(0, undos);
    const size = Math.ceil(undos / undoBursts);
    let taken = 0;
    const open: number[] = [];
    for (let at = 0; at < chosen.length; at += size) {
      const some = chosen.slice(at, at + size);
      await traffic.play(some, 1);
      // What comes directly is newer than what comes back, whichever is there first.
      const [more] = await Promise.all([undo(this.admin, some), traffic.play(some, 2)]);
      taken += more;
      const then = await this.#crash("undos");
      open.push(some.filter((alias) => then.has(alias)).length);
    }
    this.#requireHits("undos", open);
    this.found.count("undos", taken);
    this.found.require(taken >= undos * 0.9, `at least ${undos * 0.9} undos taken: ${taken}`);
    return new Set(chosen);
  }
}

async function run(ctx: OwnContext) {
  const site = new Site(`${ctx.dir}/site`);
  try {
    return await new MergeDrill(ctx, site).run();
  } finally {
    await site.clear();
  }
}

export const merge: OwnDrill = {
  id: "36",
  name: "merge",
  mutations: {
    "no-deltas": /GraphQL games and days equal SQL: [1-9]/,
    "no-forwards": /the platform has caught up: game .* has counted/,
  },
  run,
};
