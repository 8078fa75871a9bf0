/**
 * Drill 8: the database hangs: all of its processes stand still, its connections stay open, and no
 * answer comes.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { OwnDrill } from "../drill_types.ts";
import { familyOf, freeze, thaw } from "../platform/process_tree.ts";
import { type Outage, runOutage } from "./outage.ts";

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
    return Promise.resolve(server);
  },
  noticedMsMax: limits.commitTimeoutMs + lookMs,
  neverBack: "never-thawed",
};

export const hungStore: OwnDrill = {
  id: "8",
  name: "hung-store",
  mutations: {
    "never-thawed": /first commit within \d+ ms of the return: Infinity/,
    "lost-rows": /acknowledged event.* is in SQL: \d+ of/,
  },
  run: (ctx) => runOutage(ctx, hung),
};
