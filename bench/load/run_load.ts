/**
 * Runs a load: all connections, the probe, and the report.
 *
 * @module
 */
import process from "node:process";
import { AckFile } from "./client/ack_file.ts";
import { HttpConnection } from "./client/http_connection.ts";
import type { Target, Transport } from "./client/transport.ts";
import { WsConnection } from "./client/ws_connection.ts";
import { EventStream } from "./generator/event_stream.ts";
import { seedText } from "./generator/population.ts";
import { assertStreamOptions, type StreamOptions } from "./generator/stream_options.ts";
import { LiveProbe } from "./live_probe.ts";
import { runSender, type SenderResult } from "./sender.ts";
import { type LoadReport, Tally } from "./tally.ts";

/** How often answers that are overdue are looked for. */
const expiryMs = 100;

/** A load to run. */
export interface LoadPlan {
  readonly target: Target;
  readonly stream: StreamOptions;
  /** Events a second over all connections; 0: as fast as the platform answers. */
  readonly rate: number;
  /**
   * Ends the run even when events are left, milliseconds; one turn of the connections later, as
   * their last batches may be due until then. @default none: all events are sent
   */
  readonly runMs?: number | undefined;
  /** How long unanswered batches are tried again after the end. @default 30,000 */
  readonly drainMs?: number;
  /** Path of an ack file. */
  readonly acks?: string | undefined;
  /** Whether each of its lines is synced to disk. @default true */
  readonly acksSync?: boolean;
  readonly liveProbe?: boolean;
  /** For the probe: PostgreSQL URL and tenant. */
  readonly storeUrl?: string | undefined;
  readonly studio?: string;
}

/** A finished run. */
export interface LoadResult {
  readonly report: LoadReport;
  /** By connection. */
  readonly senders: readonly SenderResult[];
}

/**
 * Runs the plan to its end, or until `stop` aborts; counts into `tally` as it goes.
 *
 * @throws {RangeError} an option is out of range
 * @throws {LoadRefused} the platform does not take the key, or has no such interface
 */
export async function runLoad(
  plan: LoadPlan,
  stop: AbortSignal,
  tally: Tally = new Tally(),
): Promise<LoadResult> {
  const { stream, target } = plan;
  assertStreamOptions(stream);
  const acks = plan.acks === undefined ? undefined : new AckFile(
    plan.acks,
    { seed: stream.seed, id_prefix: seedText(stream.seed) },
    plan.acksSync,
  );
  const transports = Array.from(
    { length: stream.connections },
    (): Transport =>
      stream.protocol === "ws" ? new WsConnection(target) : new HttpConnection(target),
  );
  const probeStop = new AbortController();
  const probe = plan.liveProbe ? startProbe(plan, acks, probeStop.signal) : undefined;
  const ends = planEnds(stop, runMsOf(plan), plan.drainMs ?? 30_000);
  const expiry = setInterval(() => {
    const now = performance.now();
    for (const transport of transports) transport.expire(now);
  }, expiryMs);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const runs = transports.map((transport, connection) =>
    runSender({
      stream: new EventStream(stream, connection),
      transport,
      tally,
      acks,
      connection,
      dueAt: pacing(plan, connection, start),
      stop: ends.stop,
      giveUp: ends.giveUp,
    }).catch((cause) => {
      // What one connection is refused, all are.
      ends.now();
      throw cause;
    })
  );
  await Promise.allSettled(runs);
  const seconds = (performance.now() - start) / 1000;
  ends.now();
  clearInterval(expiry);
  for (const transport of transports) transport.close();
  probeStop.abort();
  await probe;
  await acks?.close();
  const senders = await Promise.all(runs);
  const { user, system } = process.cpuUsage(cpu);
  const report = reportOf(plan, tally, seconds, (user + system) / 1e6);
  return {
    report: probe === undefined ? report : { ...report, probe: await probe },
    senders,
  };
}

function startProbe(plan: LoadPlan, acks: AckFile | undefined, stop: AbortSignal) {
  return new LiveProbe({
    target: plan.target,
    seed: plan.stream.seed,
    gameId: `${plan.stream.gamePrefix ?? ""}load-probe`,
    studio: plan.studio ?? "demo",
    storeUrl: plan.storeUrl,
    acks,
  }).run(stop);
}

/** No new batches after `runMs` or `stop`; no attempts `drainMs` after that. */
function planEnds(stop: AbortSignal, runMs: number | undefined, drainMs: number) {
  const ending = new AbortController();
  const givingUp = new AbortController();
  let drain: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    if (ending.signal.aborted) return;
    ending.abort();
    drain = setTimeout(() => givingUp.abort(), drainMs);
  };
  const run = runMs === undefined ? undefined : setTimeout(end, runMs);
  stop.addEventListener("abort", end);
  if (stop.aborted) end();
  return {
    stop: ending.signal,
    giveUp: givingUp.signal,
    /** Ends everything at once. */
    now() {
      end();
      givingUp.abort();
      clearTimeout(run);
      clearTimeout(drain);
      stop.removeEventListener("abort", end);
    },
  };
}

/** Time in which each connection sends one batch. */
function turnMs({ rate, stream }: LoadPlan): number {
  return rate === 0 ? 0 : (1000 * stream.batch * stream.connections) / rate;
}

function runMsOf(plan: LoadPlan): number | undefined {
  return plan.runMs === undefined ? undefined : plan.runMs + turnMs(plan);
}

/** Batches of a connection at even intervals, the connections evenly between them. */
function pacing(plan: LoadPlan, connection: number, start: number) {
  if (plan.rate === 0) return () => undefined;
  const intervalMs = turnMs(plan);
  const first = start + (intervalMs * connection) / plan.stream.connections;
  return (number: number) => first + number * intervalMs;
}

function reportOf(plan: LoadPlan, tally: Tally, seconds: number, cpuSeconds: number): LoadReport {
  return {
    seed: plan.stream.seed,
    url: plan.target.url.href,
    protocol: plan.stream.protocol,
    batch: plan.stream.batch,
    connections: plan.stream.connections,
    rate: plan.rate,
    seconds,
    sent: tally.sent,
    accepted: tally.accepted,
    duplicates: tally.duplicates,
    rejected: tally.rejected,
    events_per_second: tally.accepted / seconds,
    batches: tally.batches,
    retries: tally.retries,
    errors: tally.errors,
    unknown: tally.unknown,
    mismatches: tally.mismatches,
    mismatch_examples: tally.examples,
    latency_ms: {
      from_intended: tally.fromIntended.quantiles(),
      from_send: tally.fromSend.quantiles(),
    },
    generator_cpu_seconds: cpuSeconds,
  };
}
