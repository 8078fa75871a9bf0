/**
 * The entry of a shard worker: one thread that owns shards.
 *
 * @module
 */
import { constants, setPriority } from "node:os";
import { Unavailable } from "../../schema/errors.ts";
import type { Log } from "../log/log.ts";
import { type LogAccess, openLog, reconnectLog } from "../log/log_access.ts";
import { CostLedger } from "../observability/cost_ledger.ts";
import { type LogLevel, setLogLevel } from "../observability/logger.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { type BoardScores, scoredStage } from "../leaderboards/scored_stage.ts";
import {
  diffActor,
  type DiffInput,
  type ReplayInput,
  replayInShard,
} from "../replay/time_travel.ts";
import { standardStages } from "../shard/stages.ts";
import type { Stage } from "../shard/stage.ts";
import { PostgresStore } from "../store/postgres_store.ts";
import type { StageName } from "../store/store.ts";
import { type Endpoint, Rpc } from "./rpc.ts";
import { ShardHost } from "./shard_host.ts";
import { Shadows, type ShadowStart } from "./shadows.ts";
import type {
  ActInput,
  ActorsInput,
  AskInput,
  Fired,
  ShardId,
  WorkerInit,
  WorkerWatch,
} from "./worker_protocol.ts";

/**
 * For commits, and as many for reads. A statement is short, but both ends of its connection wait for
 * a processor; with few connections shards would wait for each other's turn instead.
 */
const storeConnections = 6;

/**
 * Lets the gateway's and the log's threads go first: 0 is the calling thread, on Linux. What is
 * accepted is durable and can wait a moment to be applied; whoever sends it cannot.
 */
function yieldToGateway(): void {
  if (Deno.build.os !== "linux") return;
  try {
    setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL / 2);
  } catch {
    // A hint; without it everything works, only less evenly under full load.
  }
}

let host: ShardHost | undefined;
let shadows: Shadows | undefined;
let log: Log | undefined;
let store: PostgresStore | undefined;
/** What the store's pools count; the shards have a sink of their own. */
const storeSink = new MetricsAccumulator();

function running(): ShardHost {
  if (host === undefined) throw new Unavailable("shard", "The worker is starting");
  return host;
}

async function stagesOf(init: WorkerInit) {
  const stages = standardStages();
  for (const [name, url] of Object.entries(init.stageModules)) {
    const module = await import(url) as { stage: Stage };
    stages[name as keyof typeof stages] = module.stage;
  }
  if (init.tellsScores) {
    const tell = (scores: BoardScores) => rpc.notify("scores", scores);
    stages.game = scoredStage(stages.game, tell);
  }
  return stages;
}

const rpc: Rpc = new Rpc(self as unknown as Endpoint, {
  init: async (init: WorkerInit) => {
    yieldToGateway();
    log = openLog(init.log);
    store = new PostgresStore({
      url: init.storeUrl,
      connections: storeConnections,
      readConnections: storeConnections,
      metrics: { sink: storeSink, worker: init.owner },
    });
    setLogLevel(init.logLevel);
    const now = () => Date.now() + init.clockOffsetMs;
    const costs = { player: new CostLedger({ now }), game: new CostLedger({ now }) };
    const { player, game } = await stagesOf(init);
    shadows = new Shadows({ player: costs.player.timed(player), game: costs.game.timed(game) });
    const { stages } = shadows;
    const fired = (notice: Fired) => rpc.notify("fired", notice);
    const lost = (id: ShardId) => rpc.notify("lost", id);
    const ports = { log, store, stages, costs, fired, lost };
    host = new ShardHost(init, ports);
    void host.exited.then((reason) => rpc.notify("exited", reason.type));
  },
  ping: () => true,
  reconnectLog: (access: LogAccess) => reconnectLog(log, access),
  ask: (input: AskInput) => running().ask(input),
  inspect: (input: AskInput) => running().inspect(input),
  diff: (input: DiffInput) =>
    diffActor(running().shard(input), input.actorId, input.from, input.to),
  replay: (input: ReplayInput) => replayInShard(running().shard(input), input.actorId, input.asOf),
  watch: (watch: WorkerWatch) => host?.watches.add(watch),
  unwatch: (id: number) => host?.watches.remove(id),
  report: () => {
    store?.gauge();
    const report = running().report();
    return { ...report, metrics: { ...report.metrics, ...storeSink.drain() } };
  },
  actors: (input: ActorsInput) => running().actors(input),
  halted: () => running().halted(),
  act: (input: ActInput) => running().act(input),
  logLevel: (level: LogLevel) => setLogLevel(level),
  assign: (id: ShardId) => running().assign(id),
  revoke: (id: ShardId) => running().revoke(id),
  restart: (id: ShardId) => running().restart(id),
  pause: (id: ShardId) => running().shard(id).pause(),
  resume: (id: ShardId) => running().shard(id).resume(),
  startShadow: (start: ShadowStart) => shadows?.start(start),
  shadowReport: (stage: StageName) => shadows?.report(stage) ?? null,
  stopShadow: (stage: StageName) => shadows?.stop(stage) ?? null,
  stop: async () => {
    await host?.stop();
    await store?.close();
    await log?.close();
  },
});
