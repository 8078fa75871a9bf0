/**
 * Drill 7: the database is stopped for a while, as for maintenance.
 *
 * @module
 */
import { startEmbeddedPostgres } from "../../../supervisor/store/embedded_postgres.ts";
import type { OwnDrill } from "../drill_types.ts";
import { type Outage, runOutage } from "./outage.ts";

const stopped: Outage = {
  awayMs: { quick: 15_000, full: 60_000 },
  away: (server) => server.stop(),
  back: (_, dataDir) => startEmbeddedPostgres({ dataDir }),
  // A refused connection is known at once; an answer that never comes, after the deadline.
  noticedMsMax: 5_500,
  neverBack: "never-returns",
};

export const stoppedStore: OwnDrill = {
  id: "7",
  name: "stopped-store",
  mutations: {
    "never-returns": /first commit within \d+ ms of the return: Infinity/,
    "lost-rows": /acknowledged event.* is in SQL: \d+ of/,
  },
  run: (ctx) => runOutage(ctx, stopped),
};
