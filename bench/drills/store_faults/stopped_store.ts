/**
 * Drill 7: the database is stopped for a while, as for maintenance.
 *
 * @module
 */
import { type OwnDrill, skip } from "../drill_types.ts";
import { noServers } from "../servers/own_servers.ts";
import { type Outage, runOutage } from "./outage.ts";
import { openEmbeddedPlace, openRealPlace } from "./store_place.ts";

const stopped: Outage = {
  awayMs: { quick: 15_000, full: 60_000 },
  away: (server) => server.stop(),
  back: (server) => server.startAgain(),
  // A refused connection is known at once; an answer that never comes, after the deadline.
  noticedMsMax: 5_500,
  neverBack: "never-returns",
};

const mutations = {
  "never-returns": /first commit within \d+ ms of the return: Infinity/,
  "lost-rows": /acknowledged event.* is in SQL: \d+ of/,
};

export const stoppedStore: OwnDrill = {
  id: "7",
  name: "stopped-store",
  mutations,
  run: (ctx) => runOutage(ctx, stopped, openEmbeddedPlace),
};

/** The same with a server and a broker that are real. */
export const stoppedPostgres: OwnDrill = {
  id: "7r",
  name: "stopped-postgres",
  mutations,
  async run(ctx) {
    const reason = await noServers(["kafka", "postgres"]);
    return reason === undefined ? await runOutage(ctx, stopped, openRealPlace) : skip(reason);
  },
};
