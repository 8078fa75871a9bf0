/**
 * The way to Redis: each call has a deadline, and while the server is away calls are refused at once.
 *
 * @module
 */
import { Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import type { Logger } from "../../observability/logger.ts";
import type { ResourceMeter } from "../../observability/resource_meter.ts";
import { Circuit } from "../../resources/circuit.ts";
import { Late, within } from "../../resources/within.ts";
import { type RedisAddress, type RedisClient, redisClient } from "./redis_client.ts";

export interface RedisLinkOptions {
  readonly address: RedisAddress;
  readonly meter: ResourceMeter;
  readonly log: Logger;
  /** @default limits.cacheCallMsMax */
  readonly callMsMax?: number;
}

/** Why calls are refused before the first connection; that is no news. */
const connecting = "connecting";

/** A probe may take longer than a call: a server that is slow for a moment is not gone. */
const probeMsMax = 1_000;

/** True for an error that the server itself has told: it is there. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError" &&
    !/^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|NOAUTH|WRONGPASS)/.test(error.message);
}

export class RedisLink {
  readonly #client: RedisClient;
  readonly #circuit: Circuit;
  readonly #prober: ReturnType<typeof setInterval>;
  #lastError = connecting;
  #wasThere = false;
  #isProbing = false;
  #isClosed = false;
  /** Called when Redis is there again after it was away. */
  onBack: () => void = () => {};

  constructor(readonly options: RedisLinkOptions) {
    const { address, meter, log } = options;
    this.#circuit = new Circuit((reason) => {
      meter.circuit(reason !== undefined);
      if (reason === undefined) {
        log.info("Redis is there");
        if (this.#wasThere) this.onBack();
        this.#wasThere = true;
      } else if (reason !== connecting && !this.#isClosed) {
        log.warn("Redis is away: the node goes on without it", { reason });
      }
    });
    // Until it has answered once it is away.
    this.#circuit.open(this.#lastError);
    this.#client = redisClient(address, (error) => this.#lastError = error.message || error.name);
    this.#client.on("close", () => this.#circuit.open(this.#lastError));
    this.#client.on("ready", () => {
      this.#lastError = "the connection was closed";
      void this.#probe();
    });
    this.#prober = setInterval(() => void this.#probe(), limits.cacheProbeMs);
  }

  /** Why Redis is away; `undefined`: it is there. */
  get fault(): string | undefined {
    return this.#circuit.reason;
  }

  get prefix(): string {
    return this.options.address.prefix;
  }

  /**
   * Makes a call.
   *
   * @param name for the metrics
   * @throws {Unavailable} Redis is away, refused, or did not answer in time: it may have been done
   */
  async run<T>(name: string, call: (client: RedisClient) => Promise<T>): Promise<T> {
    const { meter, callMsMax = limits.cacheCallMsMax } = this.options;
    const reason = this.#circuit.reason;
    if (reason !== undefined) {
      meter.refused(name);
      throw new Unavailable("cache", `Redis is away: ${reason}`);
    }
    try {
      const answer = await meter.run(name, () => within(callMsMax, call(this.#client)));
      this.#circuit.succeeded();
      return answer;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!isAnswer(error)) this.#circuit.failed(message);
      throw new Unavailable("cache", `Redis has failed: ${message}`, { cause: error });
    }
  }

  /** Asks whether an absent server is back. */
  async #probe(): Promise<void> {
    if (this.#isProbing || this.#isClosed || this.#circuit.reason === undefined) return;
    this.#isProbing = true;
    try {
      await within(probeMsMax, this.#client.ping());
      if (!this.#isClosed) this.#circuit.succeeded();
    } catch (error) {
      // It holds the connection and says nothing: another may be answered.
      if (error instanceof Late && !this.#isClosed) this.#client.disconnect(true);
    } finally {
      this.#isProbing = false;
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#prober);
    this.#circuit.open("closed");
    this.#client.disconnect();
  }
}
