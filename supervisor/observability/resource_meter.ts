/**
 * What calls to a resource cost, and what became of them.
 *
 * @module
 */
import type { MetricsSink } from "./metrics_sink.ts";

export class ResourceMeter {
  constructor(readonly sink: MetricsSink, readonly resource: string) {}

  /** Runs a call and counts it. @throws what the call throws */
  async run<T>(call: string, run: () => Promise<T>): Promise<T> {
    const { sink, resource } = this;
    const startedAt = performance.now();
    let result = "error";
    try {
      const answer = await run();
      result = "ok";
      return answer;
    } finally {
      sink.add("resource_calls_total", 1, { resource, call, result });
      const seconds = (performance.now() - startedAt) / 1000;
      sink.observe("resource_seconds", seconds, { resource, call });
    }
  }

  /** A call was refused as the resource is known to be away. */
  refused(call: string): void {
    const { sink, resource } = this;
    sink.add("resource_calls_total", 1, { resource, call, result: "refused" });
  }

  circuit(isOpen: boolean): void {
    this.sink.set("resource_circuit_open", Number(isOpen), { resource: this.resource });
  }

  /** How many writes wait for the resource. */
  waiting(writes: number): void {
    this.sink.set("resource_waiting", writes, { resource: this.resource });
  }

  lost(call: string, writes: number): void {
    this.sink.add("resource_lost_total", writes, { resource: this.resource, call });
  }
}
