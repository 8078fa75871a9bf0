/**
 * The drills there are, in the order of their table.
 *
 * @module
 */
import { isolation } from "./access/isolation.ts";
import { isolationDoors } from "./access/isolation_doors.ts";
import { tokens } from "./access/tokens.ts";
import { absentStoreDrill } from "./absent_store.ts";
import { killedBroker } from "./broker_faults/killed_broker.ts";
import { lostLeader } from "./broker_faults/lost_leader.ts";
import { restartedBroker } from "./broker_faults/restarted_broker.ts";
import { clockJumps } from "./clock/clock_jumps.ts";
import { comeAndGo } from "./cluster/come_and_go.ts";
import { frozenNode } from "./cluster/frozen_node.ts";
import { crashLoop } from "./crash_loop.ts";
import { drain } from "./drain.ts";
import type { Drill, OwnDrill } from "./drill_types.ts";
import { scarceDescriptors } from "./edge/descriptors.ts";
import { malformedHttp } from "./edge/malformed_http.ts";
import { slowloris } from "./edge/slowloris.ts";
import { gatewayKill } from "./gateway_kill.ts";
import { drill as hostileBodies } from "./hostile_bodies.ts";
import { hostileQueries } from "./graphql/hostile_queries.ts";
import { merge } from "./identity/merge.ts";
import { drill as jsonSuite } from "./json_suite.ts";
import { cutNetwork } from "./network/cut_network.ts";
import { poison } from "./poison.ts";
import { lostQdrant } from "./resource_faults/lost_qdrant.ts";
import { lostRedis } from "./resource_faults/lost_redis.ts";
import { overload, overloadOnServers } from "./overload/overload.ts";
import { rebuild } from "./rebuild.ts";
import { sessionSilence } from "./session_silence.ts";
import { hostileSockets } from "./sockets/hostile_sockets.ts";
import { stalledReaders } from "./sockets/stalled_readers.ts";
import { everyCall } from "./shard_faults/every_call.ts";
import { frozenWorker } from "./shard_faults/frozen_worker.ts";
import { restartBudget } from "./shard_faults/restart_budget.ts";
import { simulator } from "./shard_faults/simulator.ts";
import { snapshotDamage } from "./shard_faults/snapshot_damage.ts";
import { hungPostgres, hungStore } from "./store_faults/hung_store.ts";
import { slowStore } from "./store_faults/slow_store.ts";
import { stoppedPostgres, stoppedStore } from "./store_faults/stopped_store.ts";
import { tripleSend } from "./triple_send.ts";

export const drills: readonly (Drill | OwnDrill)[] = [
  simulator,
  crashLoop,
  gatewayKill,
  frozenWorker,
  frozenNode,
  killedBroker,
  lostLeader,
  restartedBroker,
  stoppedStore,
  stoppedPostgres,
  hungStore,
  hungPostgres,
  lostRedis,
  lostQdrant,
  everyCall,
  poison,
  restartBudget,
  tripleSend,
  snapshotDamage,
  rebuild,
  jsonSuite,
  hostileBodies,
  malformedHttp,
  slowloris,
  scarceDescriptors,
  hostileQueries,
  tokens,
  hostileSockets,
  stalledReaders,
  overload,
  overloadOnServers,
  slowStore,
  clockJumps,
  drain,
  absentStoreDrill,
  comeAndGo,
  cutNetwork,
  isolation,
  isolationDoors,
  sessionSilence,
  merge,
];

/** The drill of this id or name. */
export function findDrill(
  idOrName: string,
  among: readonly (Drill | OwnDrill)[] = drills,
): Drill | OwnDrill | undefined {
  return among.find(({ id, name }) => id === idOrName || name === idOrName);
}
