/**
 * Drill 5: the broker is killed and stays away for a while.
 *
 * @module
 */
import { type OwnDrill, skip } from "../drill_types.ts";
import { noServers } from "../servers/own_servers.ts";
import {
  brokerMutations,
  type BrokerOutage,
  killServer,
  runBrokerOutage,
} from "./broker_outage.ts";

const killed: BrokerOutage = {
  rounds: 1,
  awayMs: { quick: 8_000, full: 30_000 },
  take: killServer,
};

export const killedBroker: OwnDrill = {
  id: "5",
  name: "killed-broker",
  mutations: brokerMutations,
  async run(ctx) {
    const reason = await noServers(["kafka", "postgres"]);
    return reason === undefined ? await runBrokerOutage(ctx, killed) : skip(reason);
  },
};
