/**
 * Drill 6: the broker is stopped in order and started again, three times.
 *
 * @module
 */
import { type OwnDrill, skip } from "../drill_types.ts";
import { noServers } from "../servers/own_servers.ts";
import { brokerMutations, type BrokerOutage, runBrokerOutage } from "./broker_outage.ts";

const restarted: BrokerOutage = {
  rounds: 3,
  awayMs: { quick: 3_000, full: 6_000 },
  take: (servers) => servers.stop("kafka"),
};

export const restartedBroker: OwnDrill = {
  id: "6",
  name: "restarted-broker",
  mutations: brokerMutations,
  async run(ctx) {
    const reason = await noServers(["kafka", "postgres"]);
    return reason === undefined ? await runBrokerOutage(ctx, restarted) : skip(reason);
  },
};
