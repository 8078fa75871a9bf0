/**
 * Measures, again and again, how far commits are behind.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Node } from "../node/node.ts";
import { loopChild } from "../node/loop_child.ts";
import type { ChildSpec } from "../tree/child.ts";
import { type Lag, LagMeter } from "./lag_meter.ts";

export class LagPart {
  readonly #meter = new LagMeter();

  constructor(readonly node: Pick<Node, "workers" | "log" | "clock" | "metrics">) {}

  /** The last measurement; `undefined` before the first. */
  get last(): Lag | undefined {
    return this.#meter.last;
  }

  spec(): ChildSpec {
    return loopChild("lag", limits.lagEveryMs, this.node.clock, async () => {
      try {
        await this.#measure();
      } catch (error) {
        // The log is away, and takes nothing that could lag.
        if (!(error instanceof Unavailable)) throw error;
      }
    });
  }

  async #measure(): Promise<void> {
    const { workers, log, metrics } = this.node;
    if (!log.health().ready) return;
    const topic = "player.events.raw";
    const ends = await log.log.ends(topic);
    // As the last round of reports has it, half a second old at most: it is a trend that is looked for.
    const rows = workers.reports().filter(({ stage, epoch }) => stage === "player" && epoch > 0)
      .map(({ partition, nextOffset }) => ({
        partition,
        nextOffset,
        endOffset: ends[partition]?.end ?? nextOffset,
      }));
    const bytes = log.bytes()[topic] ?? 0;
    const lag = this.#meter.sample(performance.now(), rows, bytes / limits.logBytesMaxPerTopic);
    if (lag.committedPerSecond >= 1) {
      metrics.sink.set("commit_lag_seconds", lag.lagEvents / lag.committedPerSecond);
    }
  }
}
