/**
 * The log on Kafka as a part of a node: the main thread's client, and a look at the brokers now and
 * then. Brokers that are away do not end it: clients go on by themselves once they are back.
 *
 * @module
 */
import { Terminal, Unavailable } from "../../schema/errors.ts";
import { KafkaLog, kafkaTarget } from "../log/kafka/kafka_log.ts";
import type { Log } from "../log/log.ts";
import type { LogAccess } from "../log/log_access.ts";
import { logger } from "../observability/logger.ts";
import type { PartHealth } from "../platform.ts";
import { aborted } from "../shard/clock.ts";
import { retry } from "../shard/retry.ts";
import type { ChildSpec } from "../tree/child.ts";
import { permanentChild } from "../tree/run_child.ts";
import type { LogPart, LogPartOptions } from "./log_part.ts";

const shutdownMs = 5_000;
const probeMs = 1_000;

export class KafkaLogPart implements LogPart {
  readonly #log = logger("log");
  readonly #access: LogAccess;
  #client: KafkaLog | undefined;
  readonly #identity = Promise.withResolvers<string>();
  readonly #refused = Promise.withResolvers<Terminal>();
  #fault: string | undefined = "starting";

  constructor(readonly options: LogPartOptions) {
    const { logUrl: url, nodeId, topics } = options;
    const rawPartitions = topics["player.events.raw"].partitions;
    this.#access = { type: "kafka", url, rawPartitions, clientId: `gamemetrics-${nodeId}` };
  }

  get log(): Log {
    if (this.#client === undefined) throw new Unavailable("log", "The log is starting");
    return this.#client;
  }

  connect(): LogAccess {
    return this.#access;
  }

  identity(): Promise<string> {
    return this.#identity.promise;
  }

  health(): PartHealth {
    return this.#fault === undefined
      ? { part: "log", ready: true }
      : { part: "log", ready: false, reason: this.#fault };
  }

  get refused(): Promise<Terminal> {
    return this.#refused.promise;
  }

  /** The brokers' disks are not this machine's. */
  bytes(): Record<string, number> {
    return {};
  }

  spec(): ChildSpec {
    return permanentChild("log", shutdownMs, (stop) => this.#run(stop));
  }

  async #run(stop: AbortSignal): Promise<void> {
    const { logUrl, topics, nodeId, clock, clockOffsetMs } = this.options;
    try {
      const clientId = `gamemetrics-${nodeId}`;
      const now = () => Date.now() + clockOffsetMs;
      const client = this.#client ??= new KafkaLog(kafkaTarget(logUrl), { topics, clientId, now });
      const onRetry = (error: Error, failures: number) => {
        this.#fault = error.message;
        if (failures === 1) this.#log.warn(error.message);
      };
      this.#identity.resolve(
        await retry(() => client.identity(), { clock, signal: stop, onRetry }),
      );
      while (!stop.aborted) {
        this.#tell(await faultOf(client));
        await clock.sleep(probeMs, stop);
      }
    } catch (error) {
      if (stop.aborted) return;
      this.#fault = error instanceof Error ? error.message : String(error);
      if (!(error instanceof Terminal)) throw error;
      // Only at the start: who runs already goes on as soon as an operator has mended it.
      this.#log.error(error.message, { code: error.code });
      this.#refused.resolve(error);
      // To be started again would say the same once more.
      await aborted(stop);
    } finally {
      if (stop.aborted) {
        await this.#client?.close();
        this.#client = undefined;
      }
    }
  }

  #tell(fault: string | undefined): void {
    if (fault !== undefined && fault !== this.#fault) this.#log.warn(fault);
    if (fault === undefined && this.#fault !== undefined) this.#log.info("Kafka answers");
    this.#fault = fault;
  }
}

/** Why the brokers cannot be used; `undefined` when they can. */
async function faultOf(client: KafkaLog): Promise<string | undefined> {
  try {
    await client.check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
