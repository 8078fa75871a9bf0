/**
 * Drill 8: the database hangs: all of its processes stand still, its connections stay open, and no
 * answer comes.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import { type OwnDrill, skip } from "../drill_types.ts";
import { familyOf, freeze, thaw } from "../platform/process_tree.ts";
import { noServers } from "../servers/own_servers.ts";
import { type Outage, runOutage } from "./outage.ts";
import { openEmbeddedPlace, openRealPlace } from "./store_place.ts";

/** Statements have their deadline from when they are sent; then a look at the shards is due. */
const lookMs = 500;

const hung: Outage = {
  awayMs: { quick: 12_000, full: 30_000 },
  away(server) {
    freeze([server.pid]);
    return Promise.resolve();
  },
  back(server) {
    thaw(familyOf([server.pid]));
    return Promise.resolve();
  },
  noticedMsMax: limits.commitTimeoutMs + lookMs,
  neverBack: "never-thawed",
};

const mutations = {
  "never-thawed": /first commit within \d+ ms of the return: Infinity/,
  "lost-rows": /acknowledged event.* is in SQL: \d+ of/,
};

export const hungStore: OwnDrill = {
  id: "8",
  name: "hung-store",
  mutations,
  run: (ctx) => runOutage(ctx, hung, openEmbeddedPlace),
};

/** The same with a server and a broker that are real. */
export const hungPostgres: OwnDrill = {
  id: "8r",
  name: "hung-postgres",
  mutations,
  async run(ctx) {
    const reason = await noServers(["kafka", "postgres"]);
    return reason === undefined ? await runOutage(ctx, hung, openRealPlace) : skip(reason);
  },
};
